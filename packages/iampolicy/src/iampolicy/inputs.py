"""Policies in the files that people have: documents, answers of the AWS CLI, Terraform plans, CloudFormation templates.

`policies_in` finds every policy of a text with its address in it and the type that its place tells. Documents that lie
in strings, escaped or URL-encoded (IAM returns them so: API reference, "GetRolePolicy"), are decoded. Of a template,
intrinsic functions that only a deployment can answer become names, and the paths of such values are kept.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import unquote

import yaml

from iampolicy import catalogue, tables
from iampolicy.document import DEEPEST, Policy, PolicySyntaxError, as_list

PLACES = {(row["in"], row["key"]): row["type"] for row in tables.rows("places.tsv")}
SERVICES = {row["name"]: row["prefix"] for row in tables.rows("cloudformation.tsv")}
ORGANIZATION_TYPES = {"SERVICE_CONTROL_POLICY": "scp", "RESOURCE_CONTROL_POLICY": "rcp"}
PSEUDO = {  # CloudFormation's pseudo parameters -> what they are read as; account and Region are examples
    "AWS::Partition": "aws",
    "AWS::AccountId": "123456789012",
    "AWS::Region": "us-east-1",
    "AWS::URLSuffix": "amazonaws.com",
}
ABSENT = {"Ref": "AWS::NoValue"}
_HCL = re.compile(r'^\s*(resource|data|module|variable|provider|terraform)\s*("[^"]*"\s*)*\{', re.MULTILINE)
_SUBSTITUTED = re.compile(r"\$\{(!?)([^}]*)\}")


@dataclass(frozen=True)
class Embedded:
    """A policy in a file. `text` is the document as its author wrote it, or made of the object that holds it."""

    text: str
    address: str = ""  # "aws_iam_role.app.assume_role_policy"; empty: the file is the policy
    type: str = ""  # of POLICY_TYPES, where the place tells it
    note: str = ""  # what is to be known of how it was read
    unknown: tuple[str, ...] = ()  # paths of values that only a deployment knows, as findings write them


def policies_in(text: str) -> list[Embedded]:
    """The policies of a text, in its order. What is no JSON of any known form comes back as it is, as one policy.

    Raises:
        PolicySyntaxError: if the text holds a template or plan that cannot be read, or has no policy in it.
    """
    bare, note = _decoded(text)
    try:
        data = json.loads(bare)
    except (ValueError, RecursionError):
        data = _template(bare)
    if data is None or isinstance(data, dict) and ("Statement" in data or _is_unwritten(data)):
        return [Embedded(bare, note=note)]
    if not isinstance(data, dict | list) or isinstance(data, list) and not any(isinstance(d, dict) for d in data):
        return [Embedded(bare, note=note)]
    found = list(_of_file(data))
    if found:
        return found
    if not _is_made_of_policies(data):
        return [Embedded(bare, note=note)]
    raise PolicySyntaxError("there is no policy in this file: no object with a Statement, nor a text that holds one")


def guess_type(policy: Policy) -> str:
    """The type that a document looks like: trust if it has principals and speaks of STS alone, else resource."""
    if not any(s.principal is not None or s.not_principal is not None for s in policy.statements):
        return "identity"
    return "trust" if policy.services == {"sts"} else "resource"


def _decoded(text: str) -> tuple[str, str]:
    """A document out of the string that holds it: JSON in JSON, or URL-encoded."""
    stripped = text.strip()
    if re.match(r"%7B|%5B", stripped, re.IGNORECASE):
        return unquote(stripped), "read from URL encoding"
    if stripped.startswith('"'):
        try:
            inner = json.loads(stripped)
        except ValueError:
            return text, ""
        if isinstance(inner, str) and re.match(r"\s*[{\[%\"]", inner):
            return _decoded(inner)[0], "read from an escaped string"
    return text, ""


def _is_unwritten(data: dict[str, Any]) -> bool:
    """Whether an object is a policy that lacks its Statement: it has nothing but elements of one."""
    return data.keys() <= {"Version", "Id"}


def _is_made_of_policies(data: Any) -> bool:
    """Whether the file has a form in which policies are looked for, so that none is worth a sentence."""
    return isinstance(data, dict) and bool(data.keys() & {"Resources", "planned_values", "resource_changes", "values"})


class _Place(NamedTuple):
    """Where in a file one stands: the address, the kind of the resource, the last keys, and what organisations say."""

    address: str
    resource: str = ""
    type: str = ""
    said: str = ""  # "SERVICE_CONTROL_POLICY"

    def at(self, key: str | int) -> "_Place":
        step = f"[{key}]" if isinstance(key, int) else f".{key}" if self.address else key
        known = PLACES.get((self.resource, str(key))) or PLACES.get(("", str(key))) or self.type
        return self._replace(address=self.address + step, type=known)

    @property
    def policy_type(self) -> str:
        known = self.type or PLACES.get((self.resource, ""), "")
        return ORGANIZATION_TYPES.get(self.said, "scp") if known == "by Type" else known


def _of_file(data: Any) -> Iterator[Embedded]:
    if isinstance(data, dict) and isinstance(data.get("Resources"), dict):
        yield from _of_template(data)
    elif isinstance(data, dict) and (state := data.get("planned_values") or data.get("values")):
        yield from _of_terraform(state, data.get("resource_changes"))
    else:
        yield from _walk(data, _Place(""))


def _walk(value: Any, place: _Place, depth: int = 0) -> Iterator[Embedded]:
    """Every policy under a value: an object with a Statement, or a string that holds one."""
    if depth > DEEPEST:
        raise PolicySyntaxError("nested too deeply")
    if isinstance(value, str):
        document, note = _decoded(value)
        if "Statement" in document and _has_statement(document):
            yield Embedded(document, place.address, place.policy_type, note)
    elif isinstance(value, dict):
        summary = value.get("PolicySummary")  # AWS Organizations, DescribePolicy
        said = [str(of.get(key)) for of in (summary, value) if isinstance(of, dict) for key in ("Type", "type")]
        place = place._replace(said=next((s for s in said if s in ORGANIZATION_TYPES), place.said))
        if summary:
            place = place._replace(type="by Type")
        if "Statement" in value:
            yield Embedded(json.dumps(value, ensure_ascii=False), place.address, place.policy_type)
        else:
            for key, inner in value.items():
                yield from _walk(inner, place.at(key), depth + 1)
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            yield from _walk(inner, place.at(position), depth + 1)


def _has_statement(text: str) -> bool:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(data, dict) and "Statement" in data


# Terraform: `terraform show -json` of a plan or a state ("JSON Output Format")


def _of_terraform(state: Any, changes: Any) -> Iterator[Embedded]:
    for resource in _resources(state.get("root_module") if isinstance(state, dict) else None):
        place = _Place(str(resource.get("address", "")), str(resource.get("type", "")))
        yield from _walk(resource.get("values"), place)
    for change in as_list(changes):
        unknown = change.get("change", {}).get("after_unknown") if isinstance(change, dict) else None
        for key, whole in unknown.items() if isinstance(unknown, dict) else ():
            if whole is True and re.search(r"policy|policies$|^content$", key) and not key.endswith("arn"):
                address = f"{change.get('address')}.{key}"
                yield Embedded("", address, note="known only after apply: not checked")


def _resources(module: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    if isinstance(module, dict) and depth <= DEEPEST:
        yield from (r for r in as_list(module.get("resources")) if isinstance(r, dict) and r.get("mode") != "data")
        for child in as_list(module.get("child_modules")):
            yield from _resources(child, depth + 1)


# CloudFormation, in JSON and YAML ("Template anatomy", "Intrinsic function reference")


def _template(text: str) -> Any:
    """A template in YAML; None if the text is of no such kind."""
    if _HCL.search(text) and not re.search(r"^\s*\{", text):
        raise PolicySyntaxError("this is Terraform's own language: give the output of `terraform show -json PLAN`")
    if not re.search(r"^(Resources|AWSTemplateFormatVersion|Statement)\s*:", text, re.MULTILINE):
        return None
    try:
        return yaml.load(text, Loader=_TemplateLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise PolicySyntaxError(f"not YAML: {error.problem}", *place) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise PolicySyntaxError("not YAML, or nested too deeply") from error


class _TemplateLoader(yaml.SafeLoader):
    """YAML as CloudFormation reads it: short forms of functions, no dates, no numbers, no aliases ("YAML")."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem="CloudFormation takes no aliases", problem_mark=mark)
        return super().compose_node(parent, index)

    def short_form(self, suffix: str, node: yaml.Node) -> dict[str, Any]:
        """`!Sub text` as {"Fn::Sub": text}, as the long form of JSON has it."""
        if isinstance(node, yaml.ScalarNode):
            value: Any = self.construct_scalar(node)
        elif isinstance(node, yaml.SequenceNode):
            value = self.construct_sequence(node, deep=True)
        elif isinstance(node, yaml.MappingNode):
            value = self.construct_mapping(node, deep=True)
        if suffix == "GetAtt" and isinstance(value, str):
            value = value.split(".", 1)
        return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_TemplateLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if tag.rpartition(":")[2] in ("bool", "null", "merge")]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_TemplateLoader.add_multi_constructor("!", _TemplateLoader.short_form)


def _of_template(template: dict[str, Any]) -> Iterator[Embedded]:
    for name, resource in template["Resources"].items():
        if not isinstance(resource, dict) or not isinstance(resource.get("Properties"), dict):
            continue
        properties = resource["Properties"]
        said = properties.get("Type")
        place = _Place(str(name), str(resource.get("Type", "")), said=said if said in ORGANIZATION_TYPES else "")
        for document, at in _documents(properties, place):
            resolved = _Resolved(template)
            made = resolved.value(document | {"Statement": as_list(document["Statement"])}, "")
            if isinstance(made, dict) and "Statement" in made:
                said = ", ".join(dict.fromkeys(resolved.said))
                note = f"not known before deployment: {said}" if said else ""
                text = json.dumps(made, ensure_ascii=False)
                yield Embedded(text, at.address, at.policy_type, note, tuple(resolved.unknown))


def _documents(value: Any, place: _Place, depth: int = 0) -> Iterator[tuple[Any, _Place]]:
    if depth > DEEPEST:
        raise PolicySyntaxError("nested too deeply")
    if isinstance(value, dict) and "Statement" in value:
        yield value, place
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _documents(inner, place if key.startswith("Fn::") else place.at(key), depth + 1)
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            yield from _documents(inner, place.at(position), depth + 1)
    elif isinstance(value, str) and "Statement" in value:
        document = _decoded(value)[0]
        if _has_statement(document):
            yield json.loads(document), place


class _Resolved:
    """A document of a template with its functions answered as far as the template tells."""

    def __init__(self, template: dict[str, Any]) -> None:
        self.resources = template["Resources"]
        parameters = template.get("Parameters")
        self.parameters = parameters if isinstance(parameters, dict) else {}
        self.unknown: list[str] = []  # paths of values that are not known at all
        self.said: list[str] = []  # what stands there instead, for a reader

    def value(self, value: Any, path: str, depth: int = 0) -> Any:
        """The value with every function in it answered; branches of a condition are both taken, as either may be."""
        if depth > DEEPEST:
            raise PolicySyntaxError("nested too deeply")
        if isinstance(value, list):
            flat = [branch for item in value for branch in self._branches(item)]
            return [self.value(item, f"{path}[{i}]", depth + 1) for i, item in enumerate(flat)]
        if not isinstance(value, dict):
            return value
        branches = self._branches(value)
        if branches != [value]:
            made = [self.value(branch, path, depth + 1) for branch in branches]
            return made[0] if len(made) == 1 else made
        if len(value) == 1 and (name := next(iter(value))) in self._functions():
            return self._functions()[name](value[name], path)
        kept = {k: v for k, v in value.items() if v != ABSENT}
        return {str(k): self.value(v, f"{path}.{k}".lstrip("."), depth + 1) for k, v in kept.items()}

    @staticmethod
    def _branches(item: Any) -> list[Any]:
        """Both sides of Fn::If, without AWS::NoValue; anything else alone."""
        if isinstance(item, dict) and item.keys() == {"Fn::If"} and len(as_list(item["Fn::If"])) == 3:
            return [inner for side in item["Fn::If"][1:] for inner in _Resolved._branches(side)]
        return [] if item == ABSENT else [item]

    def _functions(self) -> dict[str, Callable[[Any, str], Any]]:
        names = ("Cidr", "FindInMap", "GetAZs", "ImportValue", "Select", "Split", "Transform", "Base64", "ToJsonString")
        others = {f"Fn::{name}": self._unanswered(f"Fn::{name}") for name in names}
        return others | {"Ref": self._ref, "Fn::GetAtt": self._attribute, "Fn::Sub": self._sub, "Fn::Join": self._join}

    def _unanswered(self, function: str) -> Callable[[Any, str], str]:
        def answer(argument: Any, path: str) -> str:
            return self._not_known(f"{function} {argument if isinstance(argument, str) else ''}".strip(), path)

        return answer

    def _not_known(self, said: str, path: str) -> str:
        if path:  # of a part of a longer value the rest is known
            self.unknown.append(path)
        self.said.append(said)
        return re.sub(r"\W+", "-", said).strip("-") or "unknown"

    def _ref(self, argument: Any, path: str) -> Any:
        name = str(argument)
        if name in PSEUDO:
            return PSEUDO[name]
        parameter = self.parameters.get(name)
        if isinstance(parameter, dict) and isinstance(parameter.get("Default"), str) and parameter["Default"]:
            self.said.append(f"{name} (its default is taken)")
            return parameter["Default"]
        if name in self.resources:
            kind = str(self.resources[name].get("Type", ""))
            arn = _arn_of(kind, name)  # of some resources Ref is the ARN, of most the name
            return arn if arn and kind in ("AWS::SNS::Topic", "AWS::IAM::ManagedPolicy") else _name_of(kind, name)
        return self._not_known(name, path)

    def _attribute(self, argument: Any, path: str) -> Any:
        name, _, attribute = ".".join(map(str, as_list(argument))).partition(".")
        resource = self.resources.get(name)
        kind = str(resource.get("Type", "")) if isinstance(resource, dict) else ""
        if attribute in ("Arn", "TopicArn", "QueueArn", "StreamArn") and (arn := _arn_of(kind, name)):
            return arn
        return self._not_known(f"{name}.{attribute}", path)

    def _sub(self, argument: Any, path: str) -> str:
        text, given = (argument, {}) if isinstance(argument, str) else (*as_list(argument), {}, {})[:2]
        given = given if isinstance(given, dict) else {}

        def answered(found: re.Match[str]) -> str:
            literal, name = found.groups()
            if literal:
                return f"${{{name}}}"  # "${!Literal}" is a policy variable
            value = given.get(name, {"Fn::GetAtt" if "." in name else "Ref": name})
            return str(self.value(value, path if found.group() == text else ""))

        return _SUBSTITUTED.sub(answered, str(text))

    def _join(self, argument: Any, path: str) -> Any:
        if not isinstance(argument, list) or len(argument) != 2 or not isinstance(argument[1], list):
            return self._not_known("Fn::Join", path)
        return str(argument[0]).join(str(self.value(part, "")) for part in argument[1])


def _name_of(kind: str, logical: str) -> str:
    return logical.lower() if kind == "AWS::S3::Bucket" else logical


def _arn_of(kind: str, logical: str) -> str | None:
    """The ARN that a resource of a template will have, with its logical name for the name that it gets."""
    service, _, name = kind.removeprefix("AWS::").partition("::")
    known = catalogue.load().services.get(SERVICES.get(service, service.lower()))
    if known is None:
        return None
    wanted = re.sub(r"\W", "", name).lower()
    found = next((t for t in known.resource_types.values() if re.sub(r"\W", "", t.name).lower() == wanted), None)
    if found is None:
        return None
    fixed = {"Partition": "aws", "Region": PSEUDO["AWS::Region"], "Account": PSEUDO["AWS::AccountId"]}
    return re.sub(r"\$\{(\w+)\}", lambda m: fixed.get(m[1], _name_of(kind, logical)), found.arn)
