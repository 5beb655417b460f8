"""Which request parameters name which resource: the variables of the catalogue's ARN formats and what APIs call them.

A kind of resource, a variable of its ARN format and a parameter's name come in; whether the parameter's value fills the
variable goes out. Most follow from the words ("TableName" and "tableName"); the table has the others.
"""

import re
from functools import lru_cache

from iampolicy.catalogue import Action, ResourceType

GIVEN = frozenset({"Partition", "Region", "Account"})  # variables that the event itself fills
MAKES = re.compile(r"(Create|Run|Allocate|Request|Import|Copy|Register|Purchase|Restore)(?=[A-Z])")  # of an operation
_VARIABLE = re.compile(r"\$\{(\w+)\}")
# How a variable's or a parameter's name ends: what it holds, a name or an id, must agree.
_ENDINGS = re.compile(r"(resource)?(names?|ids?|identifiers?|uuids?)?$")
_DECORATIONS = ("withpath", "withoutleadingslash")  # behind variables' names, about the form of the value

# Parameters that hold a variable by another name, by "service:Variable", "service:kind:Variable" or
# "service:Operation:Variable". An empty row: none does, whatever its name.
ALIASES = {
    "autoscaling:GroupFriendlyName": ("autoScalingGroupName", "autoScalingGroupNames"),
    "autoscaling:LaunchConfigurationName": ("launchConfigurationName", "launchConfigurationNames"),
    "s3:BucketName": ("bucketName", "bucket", "s3Bucket", "code.s3Bucket", "content.s3Bucket"),
    "s3:ObjectName": (
        *("key", "delete.object.key", "delete.objects.key"),  # of a call to S3
        *("s3Key", "code.s3Key", "content.s3Key"),  # of one that makes another service read an archive
    ),
    "s3:AccessPointName": ("name",),
    "cloudwatch:InsightRuleName": ("ruleName", "ruleNames"),
    "cognito-identity:IdentityPoolId": ("identityPoolId",),
    "dynamodb:TableName": ("tableName", "requestItems", "sourceTableName", "targetTableName"),
    **{
        f"dynamodb:{verb}Item:TableName": ("tableName", f"transactItems.{verb[0].lower()}{verb[1:]}.tableName")
        for verb in ("Get", "Put", "Update", "Delete", "ConditionCheck")
    },
    "ec2:DedicatedHostId": ("hostId", "hostIds", "hostIdSet.items.hostId"),
    "ec2:ImageId": ("imageId", "instancesSet.items.imageId", "imagesSet.items.imageId", "sourceImageId"),
    "ec2:InstanceId": ("instanceId", "instancesSet.items.instanceId"),
    "ec2:KeyPairName": ("keyName", "instancesSet.items.keyName", "keySet.items.keyName"),
    "ec2:LaunchTemplateId": ("launchTemplateId", "launchTemplate.launchTemplateId"),
    "ec2:NetworkInterfaceId": ("networkInterfaceId", "networkInterfaceSet.items.networkInterfaceId"),
    "ec2:PlacementGroupName": ("groupName", "placement.groupName"),
    "ec2:RouteTableId": ("routeTableId", "addRouteTableId"),
    "ec2:VpcFlowLogId": ("flowLogId",),
    "ec2:SecurityGroupId": (
        *("groupId", "groupSet.items.groupId", "networkInterfaceSet.items.groupSet.items.groupId"),
        *("securityGroupId", "addSecurityGroupId"),
    ),
    "ec2:SnapshotId": ("snapshotId", "snapshotSet.items.snapshotId", "sourceSnapshotId"),
    "ec2:SubnetId": ("subnetId", "addSubnetId", "networkInterfaceSet.items.subnetId", "subnetSet.items.subnetId"),
    "ec2:VolumeId": ("volumeId", "volumeSet.items.volumeId", "sourceVolumeId"),
    "ec2:VpcEndpointServiceId": ("serviceId", "serviceIds"),
    "ec2:VpcId": ("vpcId", "vpcSet.items.vpcId"),
    "ecr:RepositoryName": ("repositoryName", "repositoryNames"),
    "ecs:ServiceName": ("service", "serviceName", "services"),
    "ecs:TaskDefinitionFamilyName": ("family", "taskDefinition"),
    "ecs:TaskDefinitionRevisionNumber": ("taskDefinition",),
    "elasticfilesystem:FileSystemId": ("fileSystemId", "sourceFileSystemId"),
    "eks:ClusterName": ("clusterName", "name"),
    "events:RuleName": ("name", "rule"),
    "events:EventBusName": ("eventBusName", "entries.eventBusName"),
    "glue:CatalogName": ("catalogName",),
    "glue:TableName": ("tableName", "tablesToDelete", "tableInput.name", "name"),
    "glue:CreateTable:TableName": ("tableInput.name",),
    "glue:UpdateTable:TableName": ("tableInput.name",),
    "glue:CreateDatabase:DatabaseName": ("databaseInput.name",),
    "iam:RoleNameWithPath": ("roleName",),
    "iam:UserNameWithPath": ("userName",),
    "iam:GroupNameWithPath": ("groupName",),
    "iam:PolicyNameWithPath": ("policyName",),
    "iam:InstanceProfileNameWithPath": ("instanceProfileName",),
    "iam:CertificateNameWithPath": ("serverCertificateName",),
    "kms:KeyId": ("keyId", "targetKeyId"),
    "kms:ReEncryptFrom:KeyId": ("sourceKeyId",),
    "kms:ReEncryptTo:KeyId": ("destinationKeyId",),
    "kms:Alias": ("aliasName",),
    "lambda:LayerVersion": ("versionNumber",),
    "lambda:Alias": ("qualifier",),
    "lambda:Version": ("qualifier",),
    "logs:LogGroupName": ("logGroupName", "logGroupIdentifier", "logGroupNames", "logGroupIdentifiers"),
    "rds:DbClusterInstanceName": ("dBClusterIdentifier",),
    "rds:ClusterParameterGroupName": ("dBClusterParameterGroupName",),
    "rds:ClusterSnapshotName": ("dBClusterSnapshotIdentifier",),
    "rds:DbProxyId": (),  # the ARN has an id that requests do not name
    "rds:ReservedDbInstanceName": ("reservedDBInstanceId",),
    "route53:hostedzone:Id": ("hostedZoneId", "id"),
    "route53:healthcheck:Id": ("healthCheckId",),
    "secretsmanager:SecretId": ("secretId", "name", "secretIdList"),
    "sns:TopicName": ("name",),
    "ssm:instance:InstanceId": ("instanceId", "instanceIds", "target", "targets.values"),
    "ssm:managed-instance:InstanceId": ("instanceId", "instanceIds", "target", "targets.values"),
    "ssm:task:TaskId": ("target",),
    "ssm:DocumentName": ("name", "documentName"),
    "ssm:ParameterNameWithoutLeadingSlash": ("name", "names", "path"),
    "ssm:PatchBaselineIdResourceId": ("baselineId",),
    "sts:FederatedUserName": ("name",),
    "athena:WorkGroupName": ("workGroup",),
    **{
        f"athena:{verb}WorkGroup:WorkGroupName": ("workGroup", "name") for verb in ("Create", "Delete", "Get", "Update")
    },
    "athena:DataCatalogName": ("catalogName", "dataCatalogName"),
    **{
        f"athena:{verb}:WorkGroupName": ("workGroup",)
        for verb in ("CreateNamedQuery", "CreateNotebook", "ImportNotebook")
    },
    "athena:UpdateNamedQuery:WorkGroupName": (),
    "athena:UpdateNotebookMetadata:WorkGroupName": (),
    "codepipeline:PipelineName": ("name", "pipelineName", "pipeline.name"),
    "ssm:maintenancewindow:ResourceId": ("windowId",),
    "s3:ConfigId": ("storageLensConfigurationId", "configId"),
    "mobiletargeting:AppId": ("application-id", "applicationId"),
    "mq:BrokerId": ("broker-id", "brokerId"),
    "appsync:GraphQLAPIId": ("apiId",),
    "iam:MfaTokenIdWithPath": ("virtualMFADeviceName",),
    "ses:IdentityName": ("source", "fromEmailAddress", "identity", "emailIdentity"),
    "kinesisvideo:CreationTime": (),  # AWS puts it there
    "redshift:dbname:ClusterName": ("clusterIdentifier",),
    "elasticmapreduce:ClusterId": ("jobFlowId", "jobFlowIds", "clusterId"),
    "elasticloadbalancing:loadbalancer:LoadBalancerName": ("loadBalancerName",),
    **{f"redshift:{kind}:ClusterName": ("clusterIdentifier",) for kind in ("cluster", "dbgroup", "dbuser")},
    "redshift:dbgroup:DbGroup": ("dbGroups",),
    "redshift:dbname:DbName": ("dbName",),
    "redshift:dbuser:DbUser": ("dbUser",),
    "application-autoscaling:ResourceId": (),  # the ARN has an id that requests do not name
    "ssm:AddTagsToResource:DocumentName": (),
}
OWN = {  # action of a call that needs several -> parameters that are for it alone, whatever the event lists
    "kms:ReEncryptFrom": ("sourceKeyId",),
    "kms:ReEncryptTo": ("destinationKeyId",),
    **{
        f"dynamodb:{verb}Item": (f"transactItems.{verb[0].lower()}{verb[1:]}.tableName",)
        for verb in ("Get", "Put", "Update", "Delete", "ConditionCheck")
    },
}
# Parameters whose values are whole ARNs, or from which one can be made, whatever their action.
WHOLE = (
    *("arn", "resourceArn", "resourceArns", "resourceArnList", "resourceName", "resource", "resourceId"),
    *("targetArn", "topicArn", "queueUrl", "functionName", "x-amz-copy-source", "policyArn", "clusterArn"),
    *("cluster", "roleArn", "streamARN", "streamArn", "tagSpecificationSet.items.resourceType"),
    *("resourcesSet.items.resourceId", "serialNumber", "openIDConnectProviderArn", "sAMLProviderArn", "modelId"),
    *("registryId", "catalogId", "queueOwnerAWSAccountId", "targetPrincipal", "aWSServiceName"),
    *("loadBalancerName", "type", "policySourceArn"),
    *("sourceEndpointArn", "targetEndpointArn", "replicationInstanceArn"),
    *("restApiId", "apiId", "domainName", "usagePlanId", "vpcLinkId", "apiKey", "clientCertificateId", "path"),
)


def variables(kind: ResourceType) -> tuple[str, ...]:
    """The variables of a kind's ARN format that a request must fill, in order."""
    return tuple(name for name in _VARIABLE.findall(kind.arn) if name not in GIVEN)


@lru_cache(maxsize=65_536)
def names(action: Action, kind: ResourceType, variable: str, parameter: str) -> bool:
    """Whether the values of a parameter (dotted name, any case) fill a variable of a kind's ARN format."""
    for key in (f"{action.name}:{variable}", f"{kind.service}:{kind.name}:{variable}"):
        if key in ALIASES:
            return parameter.lower() in map(str.lower, ALIASES[key])
    known = ALIASES.get(f"{kind.service}:{variable}")
    path, _, last = parameter.rpartition(".")
    if known is not None and (path or not known or parameter.lower() in map(str.lower, known)):
        return parameter.lower() in map(str.lower, known)
    (stem, holds), (given_stem, given_holds) = split(variable), split(last)
    if not _agree(holds, given_holds):
        return False
    if stem and stem == given_stem:
        return True
    if path or variable not in _own(kind):
        return False
    own = split(kind.name)[0]
    # "name" or "id" alone is of what the operation is about: "DescribeCluster", or an action of one kind only.
    about = any(word and word in _folded(action.operation) for word in (own, stem))
    return given_stem == own or (not given_stem and bool(given_holds) and (about or len(action.resource_types) == 1))


def is_bare(parameter: str) -> bool:
    """Whether a parameter's name says that it is a name or an id, and not of what: "name", "id"."""
    return not split(parameter.rpartition(".")[2])[0]


def _own(kind: ResourceType) -> tuple[str, ...]:
    """The variables that are the kind's own: the last, and a name before an id that AWS puts beside it."""
    *others, last = variables(kind)
    beside = others and split(others[-1])[1] == "name" and split(last)[0] in ("", split(others[-1])[0])
    return (others[-1], last) if beside else (last,)


@lru_cache(maxsize=65_536)
def split(name: str) -> tuple[str, str]:
    """What a name is of, and what it holds: "dBInstanceIdentifier" -> ("instance", "identifier")."""
    folded = _folded(name)
    found = _ENDINGS.search(folded)
    stem, ending = folded[: found.start()], (found[2] or "").removesuffix("s")
    if not ending and stem.endswith("s") and not stem.endswith("ss"):
        stem = stem[:-1]
    return stem.removeprefix("db"), ending


def _folded(name: str) -> str:
    text = re.sub(r"[^a-z0-9]", "", name.lower())
    return next((text.removesuffix(end) for end in _DECORATIONS if text.endswith(end)), text)


def _agree(wanted: str, given: str) -> bool:
    """Whether both hold names, or both ids: a configuration rule's ARN has its id, which is not its name."""
    return wanted == given or not wanted or given in ("", "identifier") or {wanted, given} == {"id", "uuid"}
