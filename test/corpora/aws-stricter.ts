/**
 * Operations that need another scope here than the corpus says, each reviewed. The corpus
 * went by the verb in the name; what is below went by what the operation does.
 */

import type { Row } from '../support/corpora.ts'

interface Stricter {
  readonly scope: string
  readonly why: string
  /** Names, parted by spaces, by signing name. */
  readonly ops: Readonly<Record<string, string>>
}

const STRICTER: readonly Stricter[] = [
  {
    scope: 'secrets',
    why: 'the answer signs in, opens a shell past the proxy, or holds a URL signed for whoever has it',
    ops: {
      'cognito-idp': `
        ConfirmSignUp CreateUserImportJob DescribeUserImportJob ListUserImportJobs
        StartUserImportJob StopUserImportJob VerifySoftwareToken
      `,
      ec2: 'CancelBundleTask DescribeBundleTasks DescribeConversionTasks',
      ecs: 'ExecuteCommand',
      ssm: 'ResumeSession StartSession',
    },
  },
  {
    scope: 'secrets',
    why: 'the answer carries a credential, or what a machine is started with',
    ops: {
      apigateway: 'CreateUsagePlanKey GetUsagePlanKey GetUsagePlanKeys',
      athena: 'CreatePresignedNotebookUrl',
      codebuild: 'CreateWebhook UpdateWebhook',
      'cognito-idp': `
        DescribeIdentityProvider GetIdentityProviderByIdentifier UpdateIdentityProvider
        UpdateUserPoolClient
      `,
      ec2: `
        AttachVerifiedAccessTrustProvider CreateLaunchTemplateVersion
        CreateVerifiedAccessTrustProvider CreateVpnConnection DeleteVerifiedAccessTrustProvider
        DescribeImportImageTasks DescribeImportSnapshotTasks DescribeInstanceAttribute
        DescribeLaunchTemplateVersions DescribeSpotFleetRequests
        DescribeSpotInstanceRequests DescribeVerifiedAccessTrustProviders
        DescribeVpnConnections DetachVerifiedAccessTrustProvider GetLaunchTemplateData
        GetVpnConnectionDeviceSampleConfiguration ModifyVerifiedAccessTrustProvider
        ModifyVpnConnection ModifyVpnConnectionOptions ModifyVpnTunnelCertificate
        ModifyVpnTunnelOptions
      `,
      ssm: 'CreateActivation',
    },
  },
  {
    scope: 'admin',
    why: 'it runs commands on machines, at once or later',
    ops: {
      ec2: 'CreateInstanceConnectEndpoint',
      glue: 'CreateDevEndpoint UpdateDevEndpoint',
      sagemaker: `
        CreateNotebookInstanceLifecycleConfig CreateStudioLifecycleConfig
        UpdateNotebookInstanceLifecycleConfig
      `,
      ssm: `
        CreateAssociation CreateAssociationBatch RegisterTaskWithMaintenanceWindow
        SendAutomationSignal StartAssociationsOnce StartChangeRequestExecution
        UpdateAssociation UpdateDocument UpdateDocumentDefaultVersion
        UpdateMaintenanceWindowTask
      `,
    },
  },
  {
    scope: 'admin',
    why: 'it changes who may do what, or what can be reached from where',
    ops: {
      apigateway: 'PutRestApi UpdateAccount UpdateMethod UpdateRestApi',
      codebuild: 'UpdateProjectVisibility',
      ec2: `
        AssociateEnclaveCertificateIamRole CreateNetworkInterfacePermission
        CreateVerifiedAccessEndpoint CreateVerifiedAccessGroup
        CreateVerifiedAccessInstance DisableIpamOrganizationAdminAccount
        DisassociateEnclaveCertificateIamRole EnableIpamOrganizationAdminAccount
        EnableReachabilityAnalyzerOrganizationSharing ModifyFpgaImageAttribute
        ModifyManagedPrefixList ModifyVerifiedAccessEndpoint
        ModifyVerifiedAccessEndpointPolicy ModifyVerifiedAccessGroup
        ModifyVerifiedAccessGroupPolicy ModifyVerifiedAccessInstance
        ModifyVerifiedAccessInstanceLoggingConfiguration ReplaceRouteTableAssociation
      `,
      'ecr-public': 'DeleteRepositoryPolicy',
      elasticache: `
        AuthorizeCacheSecurityGroupIngress CreateUser CreateUserGroup ModifyUser
        ModifyUserGroup
      `,
      glue: 'PutDataCatalogEncryptionSettings',
      kinesis: 'StartStreamEncryption StopStreamEncryption',
      lambda: `
        DeleteFunctionCodeSigningConfig PutFunctionCodeSigningConfig
        UpdateCodeSigningConfig
      `,
      rds: 'AddRoleToDBCluster AddRoleToDBInstance EnableHttpEndpoint',
      route53: `
        ActivateKeySigningKey CreateKeySigningKey CreateTrafficPolicyInstance
        DeactivateKeySigningKey DeleteKeySigningKey DeleteTrafficPolicyInstance
        DisableHostedZoneDNSSEC EnableHostedZoneDNSSEC UpdateTrafficPolicyInstance
      `,
      sagemaker: `
        DeleteModelPackageGroupPolicy EnableSagemakerServicecatalogPortfolio
        PutModelPackageGroupPolicy
      `,
      ses: 'UpdateAccountSendingEnabled VerifyDomainDkim VerifyEmailAddress',
      ssm: 'ResetServiceSetting UpdateManagedInstanceRole UpdateServiceSetting',
    },
  },
  {
    scope: 'admin',
    why: 'it changes where data or records of it go, or whether there are any',
    ops: {
      bedrock: 'DeleteModelInvocationLoggingConfiguration PutModelInvocationLoggingConfiguration',
      'cognito-idp': 'SetLogDeliveryConfiguration SetRiskConfiguration',
      dynamodb: `
        EnableKinesisStreamingDestination ExportTableToPointInTime
        UpdateKinesisStreamingDestination
      `,
      ec2: `
        CreateInstanceExportTask CreateStoreImageTask CreateTrafficMirrorFilter
        CreateTrafficMirrorFilterRule CreateTrafficMirrorSession
        CreateTrafficMirrorTarget ExportImage ModifyTrafficMirrorFilterNetworkServices
        ModifyTrafficMirrorFilterRule ModifyTrafficMirrorSession
      `,
      elasticache: 'ExportServerlessCacheSnapshot',
      events: 'CreateApiDestination UpdateApiDestination',
      logs: `
        AssociateKmsKey CreateDelivery CreateExportTask DeleteAccountPolicy
        DeleteDataProtectionPolicy DeleteDelivery DeleteDeliveryDestinationPolicy
        DeleteSubscriptionFilter DisassociateKmsKey PutAccountPolicy
        PutDataProtectionPolicy PutDeliveryDestination PutDeliveryDestinationPolicy
        PutDeliverySource UpdateDeliveryConfiguration
      `,
      monitoring: 'PutMetricStream',
      rds: 'ModifyActivityStream StartActivityStream StartExportTask StopActivityStream',
      route53: 'CreateQueryLoggingConfig',
      ses: 'CreateConfigurationSetEventDestination UpdateConfigurationSetEventDestination',
      sns: 'PutDataProtectionPolicy',
      ssm: 'CreateResourceDataSync UpdateResourceDataSync',
    },
  },
  {
    scope: 'send',
    why: 'it sends mail or a text message',
    ops: {
      'cognito-idp': 'GetUserAttributeVerificationCode',
    },
  },
  {
    scope: 'write',
    why: 'it changes something, whatever its name says',
    ops: {
      elasticache: 'TestFailover TestMigration',
      sns: 'VerifySMSSandboxPhoneNumber',
      states: 'GetActivityTask',
    },
  },
] as const

/** Scope by key. */
export const STRICTER_SCOPES: ReadonlyMap<string, string> = new Map(
  STRICTER.flatMap(({ scope, ops }) =>
    Object.entries(ops).flatMap(([service, names]) =>
      names
        .trim()
        .split(/\s+/)
        .map((name) => [`${service}:${name}`, `aws:${scope}`] as const),
    ),
  ),
)

/** A row as this catalogue sees it. */
export function reviewed(row: Row): Row {
  const scope = STRICTER_SCOPES.get(String(row['operation']))
  return scope === undefined ? row : { ...row, expected_scope: scope }
}
