import { dataCenterClass, dataCenterMetadata, emptyMapClass, type InstanceForm } from './instance-form.ts'
import type { DataCenterInfo, InstanceInfo, PortInfo } from './instance-info.ts'

/**
 * An instance as JSON, without an envelope, for {@link jsonInstance} and {@link jsonApplication}. The types are those that the
 * strictest clients insist on: the number of a port is a number and whether it is enabled a string, times of
 * the lease are numbers, other times strings. What is undefined is left out. Half a surrogate pair is written
 * as an escape.
 *
 * Source: Netflix Eureka, its JSON codec; the order of fields is its own.
 */
export function writeInstanceJson(info: InstanceInfo, form: InstanceForm = 'full'): string {
  // An object literal keeps the order of its fields and costs one call of stringify, not one for each text.
  return JSON.stringify(form === 'full' ? fullFields(info) : compactFields(info))
}

/** `{"instance":…}`, of an instance that is encoded. */
export function jsonInstance(encoded: string): string {
  return `{"instance":${encoded}}`
}

/** An application without an envelope, for {@link jsonApplications} and {@link jsonApplicationEnvelope}. */
export function jsonApplication(name: string, encodedInstances: readonly string[]): string {
  return `{"name":${JSON.stringify(name.toUpperCase())},"instance":[${encodedInstances.join(',')}]}`
}

/** `{"application":…}`, of an application that is encoded. */
export function jsonApplicationEnvelope(encoded: string): string {
  return `{"application":${encoded}}`
}

/** `{"applications":…}`, of applications that are encoded. With none the list is empty: clients fail without it. */
export function jsonApplications(
  { version, hashCode }: { readonly version: string; readonly hashCode: string },
  encodedApplications: readonly string[],
): string {
  return (
    `{"applications":{"versions__delta":${JSON.stringify(version)},"apps__hashcode":${JSON.stringify(hashCode)},` +
    `"application":[${encodedApplications.join(',')}]}}`
  )
}

function fullFields(info: InstanceInfo) {
  const { leaseInfo, metadata } = info
  return {
    instanceId: info.instanceId,
    hostName: info.hostName,
    app: info.app.toUpperCase(),
    ipAddr: info.ipAddr,
    sid: info.sid,
    status: info.status,
    overriddenStatus: info.overriddenStatus,
    port: portFields(info.port),
    securePort: portFields(info.securePort),
    countryId: info.countryId,
    dataCenterInfo: dataCenterFields(info.dataCenterInfo, 'full'),
    leaseInfo: {
      renewalIntervalInSecs: leaseInfo.renewalIntervalInSecs,
      durationInSecs: leaseInfo.durationInSecs,
      registrationTimestamp: leaseInfo.registrationTimestamp,
      lastRenewalTimestamp: leaseInfo.lastRenewalTimestamp,
      evictionTimestamp: leaseInfo.evictionTimestamp,
      serviceUpTimestamp: leaseInfo.serviceUpTimestamp,
    },
    metadata: Object.keys(metadata).length === 0 ? { '@class': emptyMapClass } : metadata,
    appGroupName: info.appGroupName,
    homePageUrl: info.homePageUrl,
    statusPageUrl: info.statusPageUrl,
    healthCheckUrl: info.healthCheckUrl,
    secureHealthCheckUrl: info.secureHealthCheckUrl,
    vipAddress: info.vipAddress,
    secureVipAddress: info.secureVipAddress,
    asgName: info.asgName,
    isCoordinatingDiscoveryServer: String(info.isCoordinatingDiscoveryServer),
    lastUpdatedTimestamp: String(info.lastUpdatedTimestamp),
    lastDirtyTimestamp: String(info.lastDirtyTimestamp),
    actionType: info.actionType,
  }
}

function compactFields(info: InstanceInfo) {
  return {
    instanceId: info.instanceId,
    hostName: info.hostName,
    app: info.app.toUpperCase(),
    ipAddr: info.ipAddr,
    status: info.status,
    port: portFields(info.port),
    securePort: portFields(info.securePort),
    dataCenterInfo: dataCenterFields(info.dataCenterInfo, 'compact'),
    vipAddress: info.vipAddress,
    secureVipAddress: info.secureVipAddress,
    asgName: info.asgName,
    lastUpdatedTimestamp: String(info.lastUpdatedTimestamp),
    actionType: info.actionType,
  }
}

function portFields({ port, enabled }: PortInfo) {
  return { $: port, '@enabled': String(enabled) }
}

function dataCenterFields(info: DataCenterInfo, form: InstanceForm) {
  return { '@class': dataCenterClass(info), name: info.name, metadata: dataCenterMetadata(info, form) }
}
