"""What the shipped examples' mappings mean, in the words of compare_graph."""
from compare_graph import ForeignKey, Join, Node, Value, same

MEETINGS = [
    Node("User", "users", ("id",), same("id", "name", "email")),
    Node("Team", "teams", ("id",), same("id", "name", "purpose")),
    Node("Meeting", "meetings", ("id",), same("id", "title", "starts_at", "minutes")),
    ForeignKey("HOSTS", "Meeting", ("team_id",), "Team", from_owner=False),
    Join("MEMBER_OF", "team_members", ("User", ("user_id",)), ("Team", ("team_id",)), same("role")),
    Join("PARTICIPATED_IN", "meeting_participants", ("User", ("user_id",)), ("Meeting", ("meeting_id",)), same("role")),
]

PACKAGES = [
    Node("Package", "packages", ("name",), same(
        "name", "version", "architecture", "priority", "essential", "installed_size", "size", "homepage", "summary",
        "source", "multi_arch")),
    Node("Maintainer", "maintainers", ("id",), same("id", "name", "email")),
    Node("Section", "sections", ("name",), same("name")),
    Node("Tag", "tags", ("name",), same("name", "facet")),
    ForeignKey("IN_SECTION", "Package", ("section",), "Section"),
    ForeignKey("MAINTAINED_BY", "Package", ("maintainer_id",), "Maintainer"),
    Join("TAGGED", "package_tags", ("Package", ("package",)), ("Tag", ("tag",))),
    Join("DEPENDS_ON", "dependencies", ("Package", ("package",)), ("Package", ("target",)),
         same("id", "kind", "group_no", "alternative_no", "op", "version", "arch"), key=("id",)),
]

_LIVE = "deleted_at IS NULL"
ONTOLOGY = [
    Node("Tenant", "tenants", ("id",), same("id", "slug", "name")),
    Node("Function", "org_functions", ("id",), same("id", "name", "slug", "description"), where=_LIVE),
    Node("Department", "org_departments", ("id",), same("id", "name"), where=_LIVE),
    Node("Role", "org_roles", ("id",), {"id": "id", "title": "name", "level": "seniority_level"}, where=_LIVE),
    Node("Persona", "personas", ("id",), same("id", "name", "traits")),
    Node("JTBD", "jtbd", ("id",), same("id", "code", "statement")),
    Node("ValueCategory", "value_categories", ("id",), same("id", "name")),
    Node("ValueDriver", "value_drivers", ("id",), same("id", "name")),
    Node("Skill", "skills", ("id",), same("id", "name")),
    Node("Tool", "tools", ("id",), same("id", "name", "vendor")),
    ForeignKey("OWNS", "Function", ("tenant_id",), "Tenant", from_owner=False),
    ForeignKey("BELONGS_TO", "Department", ("function_id",), "Function"),
    ForeignKey("HAS_ROLE", "Role", ("department_id",), "Department", from_owner=False),
    ForeignKey("REPORTS_TO", "Role", ("manager_id",), "Role"),
    ForeignKey("IS_A", "Persona", ("role_id",), "Role"),
    ForeignKey("OF", "JTBD", ("tenant_id",), "Tenant"),
    ForeignKey("IMPACTS", "ValueDriver", ("category_id",), "ValueCategory"),
    Join("PERFORMED_BY_FUNCTION", "jtbd_functions", ("JTBD", ("jtbd_id",)), ("Function", ("function_id",)), same("is_primary")),
    Join("PERFORMED_BY_ROLE", "jtbd_roles", ("JTBD", ("jtbd_id",)), ("Role", ("role_id",)), same("id", "importance", "frequency"),
         key=("id",)),
    Join("DELIVERS_VALUE", "jtbd_value_categories", ("JTBD", ("jtbd_id",)), ("ValueCategory", ("category_id",))),
    Join("REQUIRES_SKILL", "role_skills", ("Role", ("role_id",)), ("Skill", ("skill_id",)), same("level")),
    Join("USES_TOOL", "role_tools", ("Role", ("role_id",)), ("Tool", ("tool_id",))),
]

CMDB = [
    Node("ConfigurationItem", "configuration_items", ("id",), same("id", "name", "type", "attributes"), where="retired_at IS NULL"),
    Node("User", "users", ("id",), same("id", "name", "email")),
    Node("Role", "roles", ("id",), same("id", "name")),
    ForeignKey("OWNED_BY", "ConfigurationItem", ("owner_id",), "User"),
    Join("HAS_ROLE", "user_roles", ("User", ("user_id",)), ("Role", ("role_id",))),
    *(Join(kind, "relationships", ("ConfigurationItem", ("source_id",)), ("ConfigurationItem", ("target_id",)), same("id", "since"),
           key=("id",), where=f"type = '{kind}'") for kind in ("RUNS_ON", "DEPENDS_ON", "CONNECTS_TO")),
]

CONTENT = [
    Node("ContentItem", "content_items", ("id",), {**same("id", "title", "kind", "body"), "version": "pg_version"}),
    Node("Thread", "threads", ("id",), {**same("id", "title"), "version": "pg_version"}),
    Node("Message", "messages", ("id",), same("id", "author", "body", "sent_at")),
    Node("Tag", "tags", ("id",), same("id", "name")),
    Value("Project", "name"),
    ForeignKey("IN_PROJECT", "ContentItem", ("project_id",), "Project"),
    ForeignKey("IN_PROJECT", "Thread", ("project_id",), "Project"),
    ForeignKey("IN", "Message", ("thread_id",), "Thread"),
    ForeignKey("REPLIES_TO", "Message", ("reply_to",), "Message"),
    Join("INCLUDES", "thread_content", ("Thread", ("thread_id",)), ("ContentItem", ("content_id",)),
         {"relevanceScore": "relevance", "position": "position"}),
    Join("TAGGED", "content_tags", ("ContentItem", ("content_id",)), ("Tag", ("tag_id",))),
]
