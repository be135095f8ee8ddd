import type { Instance, JsonValue } from '@orrery/registry'
import {
  type DataCenterInfo,
  type InstanceInfo,
  type InstanceStatus,
  instanceStatuses,
  type PortInfo,
} from './wire/instance-info.ts'

/** Under which name the registry keeps what only Eureka knows of an instance. */
export const extensionName = 'eureka'

/** Fields of an instance that a registry has no place of its own for, and that are kept as they came. */
export type KeptFields = Omit<InstanceInfo, 'instanceId' | 'app' | 'leaseInfo' | 'metadata' | 'actionType'>

/** All that is kept. */
export interface EurekaExtension extends KeptFields {
  /** It was registered without an id. */
  readonly isAnonymous: boolean
  /** Its override was taken away without saying what it is now: its next heartbeat makes it register again. */
  readonly mustRegister: boolean
  readonly renewalIntervalInSecs: number
  readonly durationInSecs: number
  /** Epoch, ms. */
  readonly registrationTimestamp: number
  /** Epoch, ms; 0: it has never been up. */
  readonly serviceUpTimestamp: number
}

/** These fields and no others. */
export function keptFieldsOf(source: KeptFields): KeptFields {
  return {
    hostName: source.hostName,
    ipAddr: source.ipAddr,
    sid: source.sid,
    status: source.status,
    overriddenStatus: source.overriddenStatus,
    port: source.port,
    securePort: source.securePort,
    countryId: source.countryId,
    dataCenterInfo: source.dataCenterInfo,
    appGroupName: source.appGroupName,
    homePageUrl: source.homePageUrl,
    statusPageUrl: source.statusPageUrl,
    healthCheckUrl: source.healthCheckUrl,
    secureHealthCheckUrl: source.secureHealthCheckUrl,
    vipAddress: source.vipAddress,
    secureVipAddress: source.secureVipAddress,
    asgName: source.asgName,
    isCoordinatingDiscoveryServer: source.isCoordinatingDiscoveryServer,
    lastUpdatedTimestamp: source.lastUpdatedTimestamp,
    lastDirtyTimestamp: source.lastDirtyTimestamp,
  }
}

/** What nearly all instances say, and so what need not be kept. */
const usualCountry = 1
const plainDataCenter = 'MyOwn'

type Fields = Readonly<Record<string, JsonValue>>

/** As the registry keeps it: JSON, without what is undefined or goes without saying. */
export function toExtensionJson(extension: EurekaExtension): JsonValue {
  const { dataCenterInfo, port, securePort, overriddenStatus, ...rest } = extension
  const { isAnonymous, mustRegister, isCoordinatingDiscoveryServer, countryId, ...plain } = rest
  const isPlainDataCenter =
    dataCenterInfo.name === plainDataCenter &&
    dataCenterInfo.class === undefined &&
    dataCenterInfo.metadata === undefined
  return present({
    ...plain,
    port: { port: port.port, enabled: port.enabled },
    securePort: { port: securePort.port, enabled: securePort.enabled },
    overriddenStatus: overriddenStatus === 'UNKNOWN' ? undefined : overriddenStatus,
    isAnonymous: isAnonymous ? true : undefined,
    mustRegister: mustRegister ? true : undefined,
    isCoordinatingDiscoveryServer: isCoordinatingDiscoveryServer ? true : undefined,
    countryId: countryId === usualCountry ? undefined : countryId,
    dataCenterInfo: isPlainDataCenter
      ? undefined
      : present({
          class: dataCenterInfo.class,
          name: dataCenterInfo.name,
          metadata: dataCenterInfo.metadata,
        }),
  })
}

function present(fields: Readonly<Record<string, JsonValue | undefined>>): Fields {
  const entries = Object.entries(fields)
  return Object.fromEntries(entries.filter((entry): entry is [string, JsonValue] => entry[1] !== undefined))
}

/**
 * What Eureka knows of an instance; undefined: it was registered by another protocol. Whoever writes to the registry may
 * write this too, so fields that make no sense are read as absent.
 */
export function extensionOf(instance: Instance): EurekaExtension | undefined {
  const fields = fieldsOf(instance)
  if (fields === undefined) return undefined
  const { host, port, ttlMs, heartbeatIntervalMs } = instance
  return {
    isAnonymous: fields['isAnonymous'] === true,
    mustRegister: fields['mustRegister'] === true,
    hostName: textOf(fields['hostName']) ?? host,
    ipAddr: textOf(fields['ipAddr']) ?? host,
    sid: textOf(fields['sid']),
    status: statusOf(fields['status']) ?? 'UNKNOWN',
    overriddenStatus: statusOf(fields['overriddenStatus']) ?? 'UNKNOWN',
    port: portOf(fields['port']) ?? { port, enabled: true },
    securePort: portOf(fields['securePort']) ?? { port: 443, enabled: false },
    countryId: numberOf(fields['countryId']) ?? usualCountry,
    dataCenterInfo: dataCenterOf(fields['dataCenterInfo']),
    renewalIntervalInSecs:
      numberOf(fields['renewalIntervalInSecs']) ?? Math.ceil(heartbeatIntervalMs / 1_000),
    durationInSecs: numberOf(fields['durationInSecs']) ?? Math.ceil(ttlMs / 1_000),
    registrationTimestamp: numberOf(fields['registrationTimestamp']) ?? 0,
    serviceUpTimestamp: numberOf(fields['serviceUpTimestamp']) ?? 0,
    appGroupName: textOf(fields['appGroupName']),
    homePageUrl: textOf(fields['homePageUrl']),
    statusPageUrl: textOf(fields['statusPageUrl']),
    healthCheckUrl: textOf(fields['healthCheckUrl']),
    secureHealthCheckUrl: textOf(fields['secureHealthCheckUrl']),
    vipAddress: textOf(fields['vipAddress']),
    secureVipAddress: textOf(fields['secureVipAddress']),
    asgName: textOf(fields['asgName']),
    isCoordinatingDiscoveryServer: fields['isCoordinatingDiscoveryServer'] === true,
    lastUpdatedTimestamp: numberOf(fields['lastUpdatedTimestamp']) ?? 0,
    lastDirtyTimestamp: numberOf(fields['lastDirtyTimestamp']) ?? 0,
  }
}

/** {@link EurekaExtension.status}, without reading the rest. Undefined: another protocol registered it. */
export function keptStatus(instance: Instance): InstanceStatus | undefined {
  return statusOf(fieldsOf(instance)?.['status'])
}

/** {@link EurekaExtension.lastDirtyTimestamp}, without reading the rest. */
export function keptDirtyTimestamp(instance: Instance): number | undefined {
  return numberOf(fieldsOf(instance)?.['lastDirtyTimestamp'])
}

/** {@link EurekaExtension.mustRegister}, without reading the rest. */
export function mustRegister(instance: Instance): boolean {
  return fieldsOf(instance)?.['mustRegister'] === true
}

/** A vip address, split, without reading the rest. Undefined: another protocol registered it. */
export function keptVips(
  instance: Instance,
  field: 'vipAddress' | 'secureVipAddress',
): readonly string[] | undefined {
  const fields = fieldsOf(instance)
  return fields && (textOf(fields[field])?.split(',') ?? [])
}

function fieldsOf({ extensions }: Instance): Fields | undefined {
  return objectOf(extensions[extensionName])
}

function objectOf(value: JsonValue | undefined): Fields | undefined {
  return typeof value === 'object' && value !== null && !isArray(value) ? value : undefined
}

/** `Array.isArray`, which does not know readonly ones. */
function isArray(value: Fields | readonly JsonValue[]): value is readonly JsonValue[] {
  return Array.isArray(value)
}

function textOf(value: JsonValue | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function numberOf(value: JsonValue | undefined): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : undefined
}

function statusOf(value: JsonValue | undefined): InstanceStatus | undefined {
  return instanceStatuses.find((status) => status === value)
}

function portOf(value: JsonValue | undefined): PortInfo | undefined {
  const fields = objectOf(value)
  const port = numberOf(fields?.['port'])
  if (port === undefined || port < 0 || port > 65_535) return undefined
  return { port, enabled: fields?.['enabled'] === true }
}

function dataCenterOf(value: JsonValue | undefined): DataCenterInfo {
  const fields = objectOf(value)
  const metadata = objectOf(fields?.['metadata'])
  return {
    class: textOf(fields?.['class']),
    name: textOf(fields?.['name']) ?? plainDataCenter,
    metadata: metadata && textsOf(metadata),
  }
}

function textsOf(fields: Fields): Readonly<Record<string, string>> {
  const entries = Object.entries(fields)
  return Object.fromEntries(
    entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  )
}
