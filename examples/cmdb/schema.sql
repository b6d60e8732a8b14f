-- A configuration management database: items of many kinds in one table, relations of many kinds in another.
CREATE TABLE users (
    id    bigint PRIMARY KEY,
    name  text NOT NULL,
    email text NOT NULL UNIQUE
);

CREATE TABLE roles (
    id   bigint PRIMARY KEY,
    name text NOT NULL
);

CREATE TABLE user_roles (
    user_id bigint REFERENCES users ON DELETE CASCADE,
    role_id bigint REFERENCES roles ON DELETE CASCADE,
    PRIMARY KEY (user_id, role_id)
);

CREATE TABLE configuration_items (
    id         uuid PRIMARY KEY,
    type       text NOT NULL,
    name       text NOT NULL,
    attributes jsonb NOT NULL DEFAULT '{}',
    owner_id   bigint REFERENCES users ON DELETE SET NULL,
    retired_at timestamptz
);

CREATE TYPE relation AS ENUM ('RUNS_ON', 'DEPENDS_ON', 'CONNECTS_TO');

CREATE TABLE relationships (
    id        bigint PRIMARY KEY,
    source_id uuid NOT NULL REFERENCES configuration_items ON DELETE CASCADE,
    target_id uuid NOT NULL REFERENCES configuration_items ON DELETE CASCADE,
    type      relation NOT NULL,
    since     date,
    details   jsonb
);
