-- What people write and keep: content in threads, by position, with tags; of several tenants and their projects.
CREATE TABLE content_items (
    id            bigint PRIMARY KEY,
    tenant_id     text NOT NULL,
    project_id    text,
    kind          text NOT NULL,
    title         text NOT NULL,
    body          text,
    neo4j_node_id text,
    pg_version    integer NOT NULL DEFAULT 1,
    neo4j_version integer NOT NULL DEFAULT 0
);

CREATE TABLE threads (
    id            bigint PRIMARY KEY,
    tenant_id     text NOT NULL,
    project_id    text,
    title         text NOT NULL,
    neo4j_node_id text,
    pg_version    integer NOT NULL DEFAULT 1,
    neo4j_version integer NOT NULL DEFAULT 0
);

CREATE TABLE thread_content (
    thread_id  bigint REFERENCES threads ON DELETE CASCADE,
    content_id bigint REFERENCES content_items ON DELETE CASCADE,
    position   integer NOT NULL,
    relevance  double precision,
    PRIMARY KEY (thread_id, content_id)
);

CREATE TABLE messages (
    id            bigint PRIMARY KEY,
    thread_id     bigint NOT NULL REFERENCES threads ON DELETE CASCADE,
    reply_to      bigint REFERENCES messages ON DELETE SET NULL,
    author        text NOT NULL,
    body          text NOT NULL,
    sent_at       timestamptz NOT NULL,
    neo4j_node_id text
);

CREATE TABLE tags (
    id   bigint PRIMARY KEY,
    name text NOT NULL UNIQUE
);

CREATE TABLE content_tags (
    content_id bigint REFERENCES content_items ON DELETE CASCADE,
    tag_id     bigint REFERENCES tags ON DELETE CASCADE,
    PRIMARY KEY (content_id, tag_id)
);
