"""What the shipped examples' mappings mean, in the words of compare_graph."""
from compare_graph import ForeignKey, Join, Node, same

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
