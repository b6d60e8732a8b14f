-- What an organisation does, who does it, and what it is worth: functions, departments, roles, personas, and the jobs to be done.
CREATE TABLE tenants (
    id   uuid PRIMARY KEY,
    slug text NOT NULL UNIQUE,
    name text NOT NULL
);

CREATE TABLE org_functions (
    id          bigint PRIMARY KEY,
    tenant_id   uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    name        text NOT NULL,
    slug        text NOT NULL,
    description text,
    deleted_at  timestamptz
);

CREATE TABLE org_departments (
    id          bigint PRIMARY KEY,
    tenant_id   uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    function_id bigint REFERENCES org_functions,
    name        text NOT NULL,
    deleted_at  timestamptz
);

CREATE TABLE org_roles (
    id              bigint PRIMARY KEY,
    tenant_id       uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    department_id   bigint REFERENCES org_departments,
    manager_id      bigint REFERENCES org_roles,      -- the role that this one reports to
    name            text NOT NULL,
    seniority_level int,
    deleted_at      timestamptz
);

CREATE TABLE personas (
    id        bigint PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    role_id   bigint REFERENCES org_roles,
    name      text NOT NULL,
    traits    text[]
);

-- Jobs to be done: "when ..., I want to ..., so that ..."
CREATE TABLE jtbd (
    id        bigint PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    code      text NOT NULL,
    statement text NOT NULL
);

CREATE TABLE value_categories (
    id   bigint PRIMARY KEY,
    name text NOT NULL
);

CREATE TABLE value_drivers (
    id          bigint PRIMARY KEY,
    category_id bigint REFERENCES value_categories,
    name        text NOT NULL,
    weight      numeric(4, 2)
);

CREATE TABLE skills (
    id   bigint PRIMARY KEY,
    name text NOT NULL
);

CREATE TABLE tools (
    id     bigint PRIMARY KEY,
    name   text NOT NULL,
    vendor text
);

CREATE TABLE jtbd_functions (
    jtbd_id         bigint REFERENCES jtbd ON DELETE CASCADE,
    function_id     bigint REFERENCES org_functions,
    relevance_score numeric(3, 2) NOT NULL,
    is_primary      boolean NOT NULL DEFAULT false,
    PRIMARY KEY (jtbd_id, function_id)
);

CREATE TABLE jtbd_roles (
    id              bigint PRIMARY KEY,               -- one role may do one job in several ways
    jtbd_id         bigint NOT NULL REFERENCES jtbd ON DELETE CASCADE,
    role_id         bigint NOT NULL REFERENCES org_roles,
    relevance_score numeric(3, 2) NOT NULL,
    importance      text,
    frequency       text
);

CREATE TABLE jtbd_value_categories (
    jtbd_id     bigint REFERENCES jtbd ON DELETE CASCADE,
    category_id bigint REFERENCES value_categories,
    PRIMARY KEY (jtbd_id, category_id)
);

CREATE TABLE role_skills (
    role_id  bigint REFERENCES org_roles,
    skill_id bigint REFERENCES skills,
    level    int,
    PRIMARY KEY (role_id, skill_id)
);

CREATE TABLE role_tools (
    role_id bigint REFERENCES org_roles,
    tool_id bigint REFERENCES tools,
    PRIMARY KEY (role_id, tool_id)
);
