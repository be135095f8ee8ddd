import type { Registry } from '@orrery/registry'
import type { Applications } from '../applications.ts'
import { extensionOf } from '../extension.ts'
import type { Rendition } from '../formats.ts'
import { overrideOf } from '../status.ts'
import type { InstanceInfo } from '../wire/instance-info.ts'
import { writeInstanceJson } from '../wire/json-writer.ts'
import { escapeXmlText } from '../wire/xml-text.ts'
import { writeInstanceXml } from '../wire/xml-writer.ts'

/** What is known of the server. */
export interface ServerStatus {
  readonly namespace: string
  readonly applications: Applications | undefined
  readonly registry: Registry
  /** How the client has reached it. */
  readonly host: string
  readonly port: number
  /** Since the plugin was registered. Unit: ms. */
  readonly uptimeMs: number
  /** The time of day. Unit: ms. */
  readonly wallMs: number
}

/** How the server is, as the resource `status` shows it. */
export function statusPage(server: ServerStatus, { format }: Rendition): string {
  const { registry, applications, namespace } = server
  const { protection } = registry.stats()
  const general = {
    'server-uptime': uptime(server.uptimeMs),
    'registry-state': registry.state,
    'registry-revision': String(registry.revision),
  }
  const names = registry
    .checkers()
    .filter(({ self }) => !self)
    .map(({ name, reachable }) => ({ name, reachable }))
  const replicas = (reachable: boolean): string =>
    names
      .filter((one) => (one.reachable !== false) === reachable)
      .map(({ name }) => name)
      .join(',')
  const application = {
    'registered-replicas': names.map(({ name }) => name).join(','),
    'available-replicas': replicas(true),
    'unavailable-replicas': replicas(false),
    namespace,
    instances: String(applications?.size ?? 0),
    'self-preservation': String(registry.protection()),
    'services-protected': String(protection.services),
    'evictions-held-back': String(protection.heldBack),
  }
  const info = ownInfo(server)
  if (format.contentType === 'application/json') {
    const stats = JSON.stringify({ generalStats: general, applicationStats: application })
    return `${stats.slice(0, -1)},"instanceInfo":${writeInstanceJson(info)}}`
  }
  return (
    `<statusInfo><generalStats>${elements(general)}</generalStats>` +
    `<applicationStats>${elements(application)}</applicationStats>` +
    writeInstanceXml(info).replace(/^<instance>(.*)<\/instance>$/s, '<instanceInfo>$1</instanceInfo>') +
    '</statusInfo>'
  )
}

/** The overrides that are in force, as JSON, by the ids of their instances. */
export function statusOverrides(applications: Applications | undefined): string {
  const overrides: [string, string][] = []
  for (const app of applications?.sorted() ?? []) {
    for (const { instance } of app.members.values()) {
      const extension = extensionOf(instance)
      const override = extension && overrideOf(instance, extension)
      if (override !== undefined && override !== 'UNKNOWN') overrides.push([instance.id, override])
    }
  }
  return JSON.stringify(Object.fromEntries(overrides))
}

function elements(fields: Readonly<Record<string, string>>): string {
  return Object.entries(fields)
    .map(([name, value]) => `<${name}>${escapeXmlText(value)}</${name}>`)
    .join('')
}

function uptime(ms: number): string {
  const minutes = Math.floor(ms / 60_000)
  const pad = (value: number): string => String(value).padStart(2, '0')
  return `${Math.floor(minutes / 1_440)} days ${pad(Math.floor(minutes / 60) % 24)}:${pad(minutes % 60)}`
}

/** The server itself, as far as a client needs to know it. */
function ownInfo({ host, port, uptimeMs, wallMs }: ServerStatus): InstanceInfo {
  const startedMs = Math.max(0, Math.round(wallMs - uptimeMs))
  return {
    instanceId: `${host}:eureka:${port}`,
    hostName: host,
    app: 'EUREKA',
    ipAddr: host,
    sid: undefined,
    status: 'UP',
    overriddenStatus: 'UNKNOWN',
    port: { port, enabled: true },
    securePort: { port: 443, enabled: false },
    countryId: 1,
    dataCenterInfo: { class: undefined, name: 'MyOwn', metadata: undefined },
    leaseInfo: {
      renewalIntervalInSecs: 30,
      durationInSecs: 90,
      registrationTimestamp: startedMs,
      lastRenewalTimestamp: startedMs,
      evictionTimestamp: 0,
      serviceUpTimestamp: startedMs,
    },
    metadata: {},
    appGroupName: undefined,
    homePageUrl: undefined,
    statusPageUrl: undefined,
    healthCheckUrl: undefined,
    secureHealthCheckUrl: undefined,
    vipAddress: 'eureka',
    secureVipAddress: undefined,
    asgName: undefined,
    isCoordinatingDiscoveryServer: true,
    lastUpdatedTimestamp: startedMs,
    lastDirtyTimestamp: startedMs,
    actionType: 'ADDED',
  }
}
