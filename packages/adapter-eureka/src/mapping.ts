import { isIP } from 'node:net'
import { type Instance, type InstanceKey, type InstanceSpec, registryLimits } from '@orrery/registry'
import {
  type EurekaExtension,
  extensionName,
  extensionOf,
  keptFieldsOf,
  toExtensionJson,
} from './extension.ts'
import { effectiveStatus, healthOf, isIsolatedElsewhere, overrideOf } from './status.ts'
import {
  type ActionType,
  effectiveId,
  type InstanceInfo,
  type InstanceStatus,
  type PortInfo,
} from './wire/instance-info.ts'

/** The service that an application is: names of applications know no upper and lower case. */
export function serviceOfApp(app: string): string {
  return app.toLowerCase()
}

/** The application that a service is. */
export function appOfService(service: string): string {
  return service.toUpperCase()
}

/** Where an instance is in the registry. */
export function keyOfInfo(namespace: string, info: InstanceInfo): InstanceKey {
  return { namespace, service: serviceOfApp(info.app), id: effectiveId(info) }
}

/** What a registration depends on. */
export interface RegistrationContext {
  readonly namespace: string
  /** What the registry has of it. */
  readonly current: Instance | undefined
  /** The time of day. Unit: ms. */
  readonly wallMs: number
  readonly leaseDurationFactor: number
  /** Unit: ms. */
  readonly evictAfterMs: number
}

/** What an instance is registered with. Nothing of it is lost: what has no field of its own goes along as an extension. */
export function toInstanceSpec(info: InstanceInfo, context: RegistrationContext): InstanceSpec {
  const { current, leaseDurationFactor, evictAfterMs } = context
  const known = current && extensionOf(current)
  const override = overrideAfter(info, current, known)
  const status = effectiveStatus(info.status, override)
  const { isolated, healthy } = healthOf(status)
  const { durationInSecs, renewalIntervalInSecs } = info.leaseInfo
  const { ttlMinMs, ttlMaxMs, heartbeatIntervalMinMs } = registryLimits
  const ttlMs = clamp(Math.round(durationInSecs * 1_000 * leaseDurationFactor), ttlMinMs, ttlMaxMs)
  return {
    ...keyOfInfo(context.namespace, info),
    host: hostOf(info),
    port: mainPort(info).port,
    protocol: protocolOf(info),
    location: { zone: zoneOf(info.metadata) },
    metadata: info.metadata,
    // Who isolated it by another protocol did not mean only until it registers again.
    isolated: isolated || (current !== undefined && isIsolatedElsewhere(current, known)),
    healthy,
    ttlMs,
    heartbeatIntervalMs: clamp(renewalIntervalInSecs * 1_000, heartbeatIntervalMinMs, ttlMs),
    evictAfterMs,
    extensions: {
      ...current?.extensions,
      [extensionName]: toExtensionJson(toExtension(info, { context, known, status, override })),
    },
  }
}

/** An override stays until the instance is cancelled; without one, the registration may bring one along. */
function overrideAfter(
  info: InstanceInfo,
  current: Instance | undefined,
  known: EurekaExtension | undefined,
): InstanceStatus {
  const kept = current === undefined || known === undefined ? 'UNKNOWN' : overrideOf(current, known)
  return kept === 'UNKNOWN' ? info.overriddenStatus : kept
}

interface Decided {
  readonly context: RegistrationContext
  readonly known: EurekaExtension | undefined
  readonly status: InstanceStatus
  readonly override: InstanceStatus
}

function toExtension(info: InstanceInfo, { context, known, status, override }: Decided): EurekaExtension {
  const { wallMs } = context
  const { instanceId, leaseInfo } = info
  const upSince = known?.serviceUpTimestamp ?? 0
  return {
    ...keptFieldsOf(info),
    isAnonymous: instanceId === undefined || instanceId === '',
    mustRegister: false,
    status,
    overriddenStatus: override,
    renewalIntervalInSecs: leaseInfo.renewalIntervalInSecs,
    durationInSecs: leaseInfo.durationInSecs,
    registrationTimestamp: wallMs,
    serviceUpTimestamp: upSince === 0 && status === 'UP' ? wallMs : upSince,
    lastUpdatedTimestamp: wallMs,
    lastDirtyTimestamp: Math.max(info.lastDirtyTimestamp || wallMs, known?.lastDirtyTimestamp ?? 0),
  }
}

/** What is decided elsewhere of an instance that is shown. */
export interface Shown {
  readonly status: InstanceStatus
  readonly actionType?: ActionType | undefined
}

/** An instance as Eureka shows it. */
export function toInstanceInfo(instance: Instance, { status, actionType }: Shown): InstanceInfo {
  const extension = extensionOf(instance)
  if (extension === undefined) return synthesized(instance, { status, actionType })
  const { isAnonymous, renewalIntervalInSecs, durationInSecs, registrationTimestamp } = extension
  const { id, service, metadata, healthChangedMs } = instance
  const override = overrideOf(instance, extension)
  const isIsolated = override === 'UNKNOWN' && isIsolatedElsewhere(instance, extension)
  return {
    ...keptFieldsOf(extension),
    ...movedTo(instance, extension),
    instanceId: isAnonymous ? undefined : id,
    app: appOfService(service),
    status,
    overriddenStatus: isIsolated ? 'OUT_OF_SERVICE' : override,
    metadata,
    leaseInfo: {
      renewalIntervalInSecs,
      durationInSecs,
      registrationTimestamp,
      // Heartbeats write nothing, so the last one that is known everywhere is that of the last change.
      lastRenewalTimestamp: Math.max(registrationTimestamp, healthChangedMs),
      evictionTimestamp: 0,
      serviceUpTimestamp: extension.serviceUpTimestamp,
    },
    lastUpdatedTimestamp: Math.max(extension.lastUpdatedTimestamp, healthChangedMs),
    actionType,
  }
}

/** An instance of another protocol: what a client of Eureka needs to find and call it. */
function synthesized(instance: Instance, { status, actionType }: Shown): InstanceInfo {
  const { id, service, host, port, protocol, location, healthChangedMs } = instance
  const isSecure = protocol === 'https'
  return {
    instanceId: id,
    hostName: host,
    app: appOfService(service),
    ipAddr: host,
    sid: undefined,
    status,
    overriddenStatus: instance.isolated ? 'OUT_OF_SERVICE' : 'UNKNOWN',
    port: isSecure ? { port: 80, enabled: false } : { port, enabled: true },
    securePort: isSecure ? { port, enabled: true } : { port: 443, enabled: false },
    countryId: 1,
    dataCenterInfo: { class: undefined, name: 'MyOwn', metadata: undefined },
    leaseInfo: {
      // Without a time to live no heartbeat is due; clients want numbers all the same.
      renewalIntervalInSecs: Math.ceil(instance.heartbeatIntervalMs / 1_000) || 30,
      durationInSecs: Math.ceil(instance.ttlMs / 1_000) || 90,
      registrationTimestamp: healthChangedMs,
      lastRenewalTimestamp: healthChangedMs,
      evictionTimestamp: 0,
      serviceUpTimestamp: instance.healthy ? healthChangedMs : 0,
    },
    metadata: withZone(instance.metadata, location.zone),
    appGroupName: undefined,
    homePageUrl: undefined,
    statusPageUrl: undefined,
    healthCheckUrl: undefined,
    secureHealthCheckUrl: undefined,
    vipAddress: service,
    secureVipAddress: service,
    asgName: undefined,
    isCoordinatingDiscoveryServer: false,
    lastUpdatedTimestamp: healthChangedMs,
    lastDirtyTimestamp: healthChangedMs,
    actionType,
  }
}

/** Clients look for the zone in the metadata. */
function withZone(metadata: InstanceInfo['metadata'], zone: string): InstanceInfo['metadata'] {
  return zone === '' || metadata['zone'] !== undefined ? metadata : { ...metadata, zone }
}

/** The zone that an instance says it is in. Empty: it says none, or nothing that could be one. */
export function zoneOf(metadata: InstanceInfo['metadata']): string {
  const zone = metadata['zone'] ?? ''
  return zone.length <= registryLimits.locationPartMaxChars && !/\p{Cc}/u.test(zone) ? zone : ''
}

/** Where it is called: by address, so that nobody has to resolve a name. */
function hostOf({ ipAddr, hostName }: Pick<InstanceInfo, 'ipAddr' | 'hostName'>): string {
  return isIP(ipAddr) === 0 ? hostName : ipAddr
}

type Ports = Pick<InstanceInfo, 'port' | 'securePort'>

function mainPort(ports: Ports): PortInfo {
  return protocolOf(ports) === 'https' ? ports.securePort : ports.port
}

function protocolOf({ port, securePort }: Ports): 'http' | 'https' {
  return !port.enabled && securePort.enabled ? 'https' : 'http'
}

/** What another protocol has changed since it was registered. */
function movedTo(
  { host, port }: Instance,
  known: Ports & Pick<InstanceInfo, 'ipAddr' | 'hostName'>,
): Partial<InstanceInfo> {
  const place = host === hostOf(known) ? {} : { hostName: host, ipAddr: host }
  const main = mainPort(known)
  if (port === main.port) return place
  const moved = { ...main, port }
  return main === known.port ? { ...place, port: moved } : { ...place, securePort: moved }
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(Math.max(value, min), max)
}
