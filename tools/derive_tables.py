"""Find in botocore's models what the mapping reads of them, and write names.txt, clients.txt and apis.txt of iamtrail.

    python -m tools.derive_tables

Run it when boto3 or the catalogue is newer.
"""

import argparse
from collections.abc import Callable, Iterator
from typing import Any

from botocore.loaders import Loader

from iampolicy import catalogue
from iampolicy.catalogue import Action
from iamtrail.mapping import actions_for
from iamtrail.naming import fills, names_role, split, variables
from iamtrail.tables import PREFIXES
from lib.files import ROOT, shown, write_text

FOLDER = ROOT / "packages/iamtrail/src/iamtrail/tables"
DEEPEST = 4  # levels of an input that are looked into; deeper ones describe what is made, not what is named


def names() -> list[str]:
    """Request parameters that fill a variable of an ARN format or name a role, sorted (about 10 s).

    The first letter of each part is in lower case, as CloudTrail usually has it.
    """
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
    return sorted(found)


def clients() -> list[str]:
    """Names of services that no event source has, each with the service's endpoint prefix; sorted."""
    loader, found = Loader(), {}
    for service in loader.list_available_services("service-2"):
        about = loader.load_service_model(service, "service-2")["metadata"]
        endpoint, said = about["endpointPrefix"], about["serviceId"].lower()
        for name in (service, said.replace(" ", ""), said.replace(" ", "-")):
            # What sources.txt has keeps its meaning.
            if name != endpoint and name not in PREFIXES and name not in catalogue.load().services:
                found[name] = endpoint
    return [f"{name} {endpoint}" for name, endpoint in sorted(found.items())]


def api_paths() -> list[str]:
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
            found.add(f"{operation} {path}")
    return sorted(found)


def _names(action: Action, name: str) -> bool:
    service = catalogue.load().services[action.service]
    kinds = [service.resource_types[kind] for kind in action.resource_types if kind in service.resource_types]
    if any(fills(action, kind, variable, name) for kind in kinds for variable in variables(kind)):
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


TABLES: dict[str, tuple[str, Callable[[], list[str]]]] = {  # file -> what its rows are, and they
    "names.txt": ("Request parameters that name a resource or a role", names),
    "clients.txt": ("Names of services in boto3, and service ids, that are no event source, with the prefix", clients),
    "apis.txt": ("Operations of API Gateway with the paths of their requests", api_paths),
}


def main() -> None:
    """Write the tables."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()  # --help writes nothing
    for name, (what, rows) in TABLES.items():
        found = rows()
        head = f"# {what}, by tools/derive_tables.py. Do not edit.\n"
        write_text(FOLDER / name, head + "".join(f"{row}\n" for row in found))
        print(f"{len(found):,} rows in {shown(FOLDER / name)}")


if __name__ == "__main__":
    main()
