/**
 * What Eureka calls the states of an instance. Others are read as `UNKNOWN`.
 *
 * Source: Netflix Eureka, REST operations.
 */
export const instanceStatuses = ['DOWN', 'OUT_OF_SERVICE', 'STARTING', 'UNKNOWN', 'UP'] as const

/** One of {@link instanceStatuses}. */
export type InstanceStatus = (typeof instanceStatuses)[number]

/** What happened last to an instance of a delta. */
export type ActionType = 'ADDED' | 'MODIFIED' | 'DELETED'

/** A port, and whether it is to be used. */
export interface PortInfo {
  readonly port: number
  readonly enabled: boolean
}

/** Where an instance runs. Kept as it came. */
export interface DataCenterInfo {
  /** The Java class that clients read it with; absent when the client gave none. */
  readonly class: string | undefined
  /** `MyOwn`, `Amazon` or `Netflix`. */
  readonly name: string
  /** Of Amazon. */
  readonly metadata: Readonly<Record<string, string>> | undefined
}

/** How an instance means to keep its lease, and when what happened to it. Times: epoch, ms; 0: not yet. */
export interface LeaseInfo {
  readonly renewalIntervalInSecs: number
  readonly durationInSecs: number
  readonly registrationTimestamp: number
  readonly lastRenewalTimestamp: number
  readonly evictionTimestamp: number
  readonly serviceUpTimestamp: number
}

/** An instance, as Eureka clients write and read it, whatever the format. Absent fields are undefined. */
export interface InstanceInfo {
  /** As given; clients that are old give none: then {@link effectiveId} tells it. */
  readonly instanceId: string | undefined
  readonly hostName: string
  /** Upper case in what is written. */
  readonly app: string
  readonly ipAddr: string
  readonly sid: string | undefined
  readonly status: InstanceStatus
  readonly overriddenStatus: InstanceStatus
  readonly port: PortInfo
  readonly securePort: PortInfo
  readonly countryId: number
  readonly dataCenterInfo: DataCenterInfo
  readonly leaseInfo: LeaseInfo
  readonly metadata: Readonly<Record<string, string>>
  readonly appGroupName: string | undefined
  readonly homePageUrl: string | undefined
  readonly statusPageUrl: string | undefined
  readonly healthCheckUrl: string | undefined
  readonly secureHealthCheckUrl: string | undefined
  /** Comma-separated, byte for byte as it came. */
  readonly vipAddress: string | undefined
  readonly secureVipAddress: string | undefined
  readonly asgName: string | undefined
  readonly isCoordinatingDiscoveryServer: boolean
  /** Epoch, ms. */
  readonly lastUpdatedTimestamp: number
  /** Epoch, ms. What decides which of two registrations is newer. */
  readonly lastDirtyTimestamp: number
  /** In answers only. */
  readonly actionType: ActionType | undefined
}

/** What an instance is known by in its application: its id, else the instance id of Amazon, else its host name. */
export function effectiveId({ instanceId, dataCenterInfo, hostName }: InstanceInfo): string {
  if (instanceId !== undefined && instanceId !== '') return instanceId
  const amazonId = dataCenterInfo.metadata?.['instance-id']
  return amazonId === undefined || amazonId === '' ? hostName : amazonId
}
