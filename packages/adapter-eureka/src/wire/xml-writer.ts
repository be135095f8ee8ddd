import { dataCenterClass, dataCenterMetadata, emptyMapClass, type InstanceForm } from './instance-form.ts'
import type { DataCenterInfo, InstanceInfo, LeaseInfo, PortInfo } from './instance-info.ts'
import { escapeXmlAttribute, escapeXmlText, toXmlName } from './xml-text.ts'

/**
 * An instance as XML, the element `instance`, for {@link xmlInstance} and {@link xmlApplication}. What is undefined is left out.
 * Of the metadata, keys that cannot be the name of an element are left out too ({@link toXmlName}), and characters
 * that XML cannot hold become U+FFFD; JSON has neither limit.
 *
 * Source: Netflix Eureka, its XML codec; the order of elements is its own.
 */
export function writeInstanceXml(info: InstanceInfo, form: InstanceForm = 'full'): string {
  const content = form === 'full' ? fullElements(info) : compactElements(info)
  return `<instance>${content}</instance>`
}

/** A document of an instance that is encoded: in XML the element is its own envelope. */
export function xmlInstance(encoded: string): string {
  return encoded
}

/** An application, for {@link xmlApplications} and {@link xmlApplicationEnvelope}. */
export function xmlApplication(name: string, encodedInstances: readonly string[]): string {
  return `<application>${element('name', name.toUpperCase())}${encodedInstances.join('')}</application>`
}

/** A document of an application that is encoded: in XML the element is its own envelope. */
export function xmlApplicationEnvelope(encoded: string): string {
  return encoded
}

/** A document of applications that are encoded. */
export function xmlApplications(
  { version, hashCode }: { readonly version: string; readonly hashCode: string },
  encodedApplications: readonly string[],
): string {
  return (
    `<applications>${element('versions__delta', version)}${element('apps__hashcode', hashCode)}` +
    `${encodedApplications.join('')}</applications>`
  )
}

function fullElements(info: InstanceInfo): string {
  return (
    element('instanceId', info.instanceId) +
    element('hostName', info.hostName) +
    element('app', info.app.toUpperCase()) +
    element('ipAddr', info.ipAddr) +
    element('sid', info.sid) +
    element('status', info.status) +
    element('overriddenstatus', info.overriddenStatus) +
    portElement('port', info.port) +
    portElement('securePort', info.securePort) +
    element('countryId', info.countryId) +
    dataCenterElement(info.dataCenterInfo, 'full') +
    leaseElement(info.leaseInfo) +
    metadataElement(info.metadata) +
    element('appGroupName', info.appGroupName) +
    element('homePageUrl', info.homePageUrl) +
    element('statusPageUrl', info.statusPageUrl) +
    element('healthCheckUrl', info.healthCheckUrl) +
    element('secureHealthCheckUrl', info.secureHealthCheckUrl) +
    element('vipAddress', info.vipAddress) +
    element('secureVipAddress', info.secureVipAddress) +
    element('asgName', info.asgName) +
    element('isCoordinatingDiscoveryServer', info.isCoordinatingDiscoveryServer) +
    element('lastUpdatedTimestamp', info.lastUpdatedTimestamp) +
    element('lastDirtyTimestamp', info.lastDirtyTimestamp) +
    element('actionType', info.actionType)
  )
}

function compactElements(info: InstanceInfo): string {
  return (
    element('instanceId', info.instanceId) +
    element('hostName', info.hostName) +
    element('app', info.app.toUpperCase()) +
    element('ipAddr', info.ipAddr) +
    element('status', info.status) +
    portElement('port', info.port) +
    portElement('securePort', info.securePort) +
    dataCenterElement(info.dataCenterInfo, 'compact') +
    element('vipAddress', info.vipAddress) +
    element('secureVipAddress', info.secureVipAddress) +
    element('asgName', info.asgName) +
    element('lastUpdatedTimestamp', info.lastUpdatedTimestamp) +
    element('actionType', info.actionType)
  )
}

function element(name: string, content: string | number | boolean | undefined): string {
  if (content === undefined) return ''
  return `<${name}>${typeof content === 'string' ? escapeXmlText(content) : String(content)}</${name}>`
}

function portElement(name: string, { port, enabled }: PortInfo): string {
  return `<${name} enabled="${enabled}">${port}</${name}>`
}

function dataCenterElement(info: DataCenterInfo, form: InstanceForm): string {
  const metadata = dataCenterMetadata(info, form)
  return (
    `<dataCenterInfo class="${escapeXmlAttribute(dataCenterClass(info))}">${element('name', info.name)}` +
    `${metadata === undefined ? '' : `<metadata>${entryElements(metadata)}</metadata>`}</dataCenterInfo>`
  )
}

function leaseElement(lease: LeaseInfo): string {
  return (
    '<leaseInfo>' +
    element('renewalIntervalInSecs', lease.renewalIntervalInSecs) +
    element('durationInSecs', lease.durationInSecs) +
    element('registrationTimestamp', lease.registrationTimestamp) +
    element('lastRenewalTimestamp', lease.lastRenewalTimestamp) +
    element('evictionTimestamp', lease.evictionTimestamp) +
    element('serviceUpTimestamp', lease.serviceUpTimestamp) +
    '</leaseInfo>'
  )
}

function metadataElement(metadata: Readonly<Record<string, string>>): string {
  const entries = entryElements(metadata)
  return entries === '' ? `<metadata class="${emptyMapClass}"/>` : `<metadata>${entries}</metadata>`
}

function entryElements(metadata: Readonly<Record<string, string>>): string {
  let entries = ''
  for (const [key, value] of Object.entries(metadata)) {
    const name = toXmlName(key)
    if (name !== undefined) entries += element(name, value)
  }
  return entries
}
