"""Find in botocore's models what the mapping reads of them, and write names.txt, clients.txt and apis.txt.

    python -m tools.derive_tables

Every operation's input comes in; the dotted names of request parameters go out that naming.py matches with a variable
of the ARN formats of the operation's actions, or that roles.py takes for a role. Every service's names come in, and go
out with its endpoint prefix if no event source has them; so do the paths of API Gateway's requests. Run it when boto3
or the catalogue is newer.
"""

from collections.abc import Iterator
from typing import Any

from botocore.loaders import Loader

from iampolicy import catalogue
from iampolicy.catalogue import Action
from iamtrail.mapping import actions_for
from iamtrail.naming import names, split, variables
from iamtrail.roles import names_role
from iamtrail.sources import PREFIXES
from lib.files import ROOT, shown, writing

TABLES = ROOT / "packages/iamtrail/src/iamtrail"
NAMES, CLIENTS, APIS = (TABLES / name for name in ("names.txt", "clients.txt", "apis.txt"))
DEEPEST = 4  # levels of an input that are looked into; deeper ones describe what is made, not what is named
CLIENTS_HEAD = (
    "# Names of services in boto3, and AWS's service ids, that are no event source, with the endpoint prefix.\n"
    "# By tools/derive_tables.py. Do not edit.\n"
)
APIS_HEAD = "# Operations of API Gateway with the paths of their requests, by tools/derive_tables.py.\n# Do not edit.\n"
HEAD = "# Request parameters that name a resource or a role, by tools/derive_tables.py. Do not edit.\n"


def derived() -> tuple[str, ...]:
    """The names, sorted, the first letter of each part in lower case as CloudTrail usually has it (about 10 s)."""
    loader = Loader()
    found: set[str] = set()
    for service in loader.list_available_services("service-2"):
        model = loader.load_service_model(service, "service-2")
        source = model["metadata"]["endpointPrefix"]
        for operation, row in model["operations"].items():
            if shape := row.get("input", {}).get("shape"):
                actions = [catalogue.load().actions[name] for name in actions_for(source, operation, {}).actions]
                inputs = set(_inputs(model["shapes"], shape, "", 0))
                found |= {
                    name for name in inputs if names_role(name) or any(_names(action, name) for action in actions)
                }
    return tuple(sorted(found))


def clients() -> tuple[tuple[str, str], ...]:
    """Names of services that no event source has, each with the service's endpoint prefix; sorted."""
    loader, found = Loader(), {}
    for service in loader.list_available_services("service-2"):
        about = loader.load_service_model(service, "service-2")["metadata"]
        endpoint, said = about["endpointPrefix"], about["serviceId"].lower()
        for name in (service, said.replace(" ", ""), said.replace(" ", "-")):
            # What sources.py knows without this table keeps its meaning.
            if name != endpoint and name not in PREFIXES and name not in catalogue.load().services:
                found[name] = endpoint
    return tuple(sorted(found.items()))


def api_paths() -> tuple[tuple[str, str], ...]:
    """The operations of API Gateway, each with the path of its request in the members' own names; sorted."""
    found = set()
    for service in ("apigateway", "apigatewayv2"):
        model = Loader().load_service_model(service, "service-2")
        for operation, row in model["operations"].items():
            members = model["shapes"][row["input"]["shape"]]["members"] if "input" in row else {}
            path = row["http"]["requestUri"].partition("?")[0].removeprefix("/v2")
            for name, member in members.items():
                if member.get("location") != "uri":
                    continue
                path = path.replace(f"{{{member.get('locationName', name)}}}", f"{{{name[:1].lower()}{name[1:]}}}")
            found.add((operation, path))
    return tuple(sorted(found))


def _names(action: Action, name: str) -> bool:
    service = catalogue.load().services[action.service]
    kinds = [service.resource_types[kind] for kind in action.resource_types if kind in service.resource_types]
    if any(names(action, kind, variable, name) for kind in kinds for variable in variables(kind)):
        return True
    last = name.lower().removesuffix("s")
    stems = {split(kind.name)[0] for kind in kinds} | {split(variable)[0] for k in kinds for variable in variables(k)}
    return "." not in name and last.endswith("arn") and split(last.removesuffix("arn"))[0] in stems - {""}


def _inputs(shapes: dict[str, Any], shape: str, above: str, depth: int) -> Iterator[str]:
    """The dotted names of the texts, and lists of texts, in an input."""
    for name, member in shapes[shape].get("members", {}).items() if depth < DEEPEST else ():
        path, inside = above + name[:1].lower() + name[1:], member["shape"]
        if shapes[inside]["type"] == "list":
            inside = shapes[inside]["member"]["shape"]
        if shapes[inside]["type"] == "structure":
            yield from _inputs(shapes, inside, f"{path}.", depth + 1)
        elif shapes[inside]["type"] == "string":
            yield path


def main() -> None:
    """Write names.txt, clients.txt and apis.txt beside this file."""
    for target, head, rows in ((CLIENTS, CLIENTS_HEAD, clients()), (APIS, APIS_HEAD, api_paths())):
        with writing(target) as aside:
            aside.write_text(head + "".join(f"{name} {found}\n" for name, found in rows), encoding="utf-8")
        print(f"{len(rows):,} rows in {shown(target)}")
    found = derived()
    with writing(NAMES) as aside:
        aside.write_text(HEAD + "".join(f"{name}\n" for name in found), encoding="utf-8")
    print(f"{len(found):,} names in {shown(NAMES)}")


if __name__ == "__main__":
    main()
