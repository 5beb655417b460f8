"""Find in botocore's models what the mapping reads of them, and write names.txt, clients.txt and apis.txt of iamtrail.

The same models and the mapping give operations.tsv of iampolicy: operations that people write for actions.

    python -m tools.derive_tables

Run it when boto3 or the catalogue is newer.
"""

import argparse
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from botocore.loaders import Loader

from iampolicy import catalogue
from iampolicy.catalogue import Action
from iamtrail.mapping import actions_for
from iamtrail.naming import fills, names_role, nearly_fills, split, variables
from iamtrail.tables import PREFIXES
from lib.files import ROOT, shown, write_text

FOLDER = ROOT / "packages/iamtrail/src/iamtrail/tables"
OPERATIONS = ROOT / "packages/iampolicy/src/iampolicy/tables/operations.tsv"
TOO_WIDE = {"apigateway"}  # its actions are verbs of HTTP: each allows far more than an operation
MOSTLY = 0.8  # of a client's operations
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


def operations() -> list[str]:
    """Names that are no actions, in lower case, each with the one action that the operation needs; sorted.

    A name begins with the service's prefix, or with its name in boto3. Rows of kind service are of such names alone,
    where nearly all of the operations are actions of one service.
    """
    loader, known, found = Loader(), catalogue.load(), {}
    prefixes: dict[str, Counter[str]] = {}
    for client in loader.list_available_services("service-2"):
        model = loader.load_service_model(client, "service-2")
        endpoint = model["metadata"]["endpointPrefix"]
        for operation in model["operations"]:
            needed = actions_for(endpoint, operation, {})
            if len(needed.actions) != 1 or not needed.certain:
                continue
            (action,) = needed.actions
            service, _, called = action.partition(":")
            prefixes.setdefault(client, Counter())[service] += 1
            if called.lower() != operation.lower() and service not in TOO_WIDE:
                for prefix in {client, service} - (known.services.keys() - {service}):
                    if known.action(f"{prefix}:{operation}") is None:
                        found.setdefault(f"operation\t{prefix}:{operation}".lower(), action)
    for client, counts in prefixes.items():
        (service, most), *_ = counts.most_common(1)
        if client not in known.services and most >= MOSTLY * counts.total():
            found[f"service\t{client}"] = service
    return [f"{name}\t{meant}" for name, meant in sorted(found.items())]


def _names(action: Action, name: str) -> bool:
    service = catalogue.load().services[action.service]
    kinds = [service.resource_types[kind] for kind in action.resource_types if kind in service.resource_types]
    found = [(kind, variable) for kind in kinds for variable in variables(kind)]
    if any(fill(action, kind, variable, name) for fill in (fills, nearly_fills) for kind, variable in found):
        return True
    last = name.lower().removesuffix("s")
    stems = {split(kind.name)[0] for kind in kinds} | {split(variable)[0] for k in kinds for variable in variables(k)}
    return "." not in name and last.endswith("arn") and split(last.removesuffix("arn"))[0] in stems - {""}


def _inputs(shapes: dict[str, Any], shape: str, above: str, depth: int) -> Iterator[str]:
    """The dotted names of the texts and whole numbers, and lists of them, in an input."""
    for name, member in shapes[shape].get("members", {}).items() if depth < DEEPEST else ():
        path, inside = above + name[:1].lower() + name[1:], member["shape"]
        if shapes[inside]["type"] == "list":
            inside = shapes[inside]["member"]["shape"]
        if shapes[inside]["type"] == "structure":
            yield from _inputs(shapes, inside, f"{path}.", depth + 1)
        elif shapes[inside]["type"] in ("string", "integer", "long"):
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
    found = operations()
    head = "# Operations of APIs that are written for actions, by tools/derive_tables.py. Do not edit.\n"
    write_text(OPERATIONS, head + "kind\twritten\tmeant\n" + "".join(f"{row}\n" for row in found))
    print(f"{len(found):,} rows in {shown(OPERATIONS)}")


if __name__ == "__main__":
    main()
