-- Teams, the people in them, and their meetings.
CREATE TABLE users (
    id    bigint PRIMARY KEY,
    name  text NOT NULL,
    email text NOT NULL UNIQUE
);

CREATE TABLE teams (
    id      bigint PRIMARY KEY,
    name    text NOT NULL,
    purpose text
);

CREATE TABLE meetings (
    id        uuid PRIMARY KEY,
    title     text NOT NULL,
    starts_at timestamptz NOT NULL,
    minutes   integer,
    team_id   bigint REFERENCES teams
);

CREATE TABLE team_members (
    user_id bigint REFERENCES users ON DELETE CASCADE,
    team_id bigint REFERENCES teams ON DELETE CASCADE,
    role    text,
    PRIMARY KEY (user_id, team_id)
);

CREATE TABLE meeting_participants (
    user_id    bigint REFERENCES users ON DELETE CASCADE,
    meeting_id uuid REFERENCES meetings ON DELETE CASCADE,
    role       text,
    PRIMARY KEY (user_id, meeting_id)
);
