import { FieldReader, type Fields, type IntegerRange, isFields } from './field-reader.ts'
import type { ActionType, DataCenterInfo, InstanceInfo, LeaseInfo, PortInfo } from './instance-info.ts'
import { wireLimits } from './limits.ts'
import { refuseBody } from './refuse.ts'

const int32Max = 2 ** 31 - 1
const seconds: IntegerRange = { min: -int32Max, max: int32Max, absent: 0 }
const timestamp: IntegerRange = { min: 0, max: Number.MAX_SAFE_INTEGER, absent: 0 }

/** A new name makes Java clients fail to read every instance, not only the one that has it. */
const dataCenterNames: readonly string[] = ['MyOwn', 'Amazon', 'Netflix']
const actionTypes: readonly ActionType[] = ['ADDED', 'MODIFIED', 'DELETED']

/**
 * Reads an instance from an object that has the shape of Eureka's JSON. Fields that are not known are ignored.
 * What a registration needs may still be missing, and is then empty: `requireRegistrable` looks after that.
 * A timestamp that is absent is 0.
 *
 * Source: Netflix Eureka, the fields of InstanceInfo and the defaults of its builder.
 *
 * @throws EurekaError `EUREKA_BODY_INVALID`, `EUREKA_BODY_TOO_LARGE`
 */
export function readInstanceFields(fields: Fields): InstanceInfo {
  const reader = new FieldReader()
  const name = (key: string) => reader.name(fields[key], key)
  const text = (key: string) => reader.text(fields[key], key, wireLimits.textMaxBytes)
  return {
    instanceId: name('instanceId'),
    hostName: name('hostName') ?? '',
    app: name('app') ?? '',
    ipAddr: name('ipAddr') ?? '',
    sid: sidOf(name('sid')),
    status: reader.status(fields['status'], 'status', 'UP'),
    overriddenStatus: reader.status(
      fields['overriddenStatus'] ?? fields['overriddenstatus'],
      'overriddenStatus',
      'UNKNOWN',
    ),
    port: portOf(reader, fields['port'], { field: 'port', absent: { port: 7001, enabled: true } }),
    securePort: portOf(reader, fields['securePort'], {
      field: 'securePort',
      absent: { port: 7002, enabled: false },
    }),
    countryId: reader.integer(fields['countryId'], 'countryId', { min: 0, max: int32Max, absent: 1 }),
    dataCenterInfo: dataCenterOf(reader, fields['dataCenterInfo']),
    leaseInfo: leaseOf(reader, fields['leaseInfo']),
    metadata: reader.map(fields['metadata'], 'metadata'),
    appGroupName: name('appGroupName'),
    homePageUrl: text('homePageUrl'),
    statusPageUrl: text('statusPageUrl'),
    healthCheckUrl: text('healthCheckUrl'),
    secureHealthCheckUrl: text('secureHealthCheckUrl'),
    vipAddress: text('vipAddress'),
    secureVipAddress: text('secureVipAddress'),
    asgName: name('asgName'),
    isCoordinatingDiscoveryServer: reader.flag(fields['isCoordinatingDiscoveryServer'], false),
    lastUpdatedTimestamp: reader.integer(fields['lastUpdatedTimestamp'], 'lastUpdatedTimestamp', timestamp),
    lastDirtyTimestamp: reader.integer(fields['lastDirtyTimestamp'], 'lastDirtyTimestamp', timestamp),
    actionType: actionTypes.find((type) => type === fields['actionType']),
  }
}

/** Both words stand for none. */
function sidOf(sid: string | undefined): string | undefined {
  return sid === 'na' || sid === 'unknown' ? undefined : sid
}

/** An object with `$` and `@enabled`, or the bare number that some write. */
function portOf(
  reader: FieldReader,
  value: unknown,
  { field, absent }: { readonly field: string; readonly absent: PortInfo },
): PortInfo {
  const range = { min: 0, max: 65_535, absent: absent.port }
  if (!isFields(value)) return { port: reader.integer(value, field, range), enabled: absent.enabled }
  return {
    port: reader.integer(value['$'], field, range),
    enabled: reader.flag(value['@enabled'], absent.enabled),
  }
}

function dataCenterOf(reader: FieldReader, value: unknown): DataCenterInfo {
  if (value === undefined || value === null) return { class: undefined, name: '', metadata: undefined }
  if (!isFields(value)) refuseBody('dataCenterInfo', 'is not an object')
  const name = reader.name(value['name'], 'dataCenterInfo.name') ?? ''
  if (name !== '' && !dataCenterNames.includes(name)) {
    refuseBody('dataCenterInfo.name', `is one of ${dataCenterNames.join(', ')}`)
  }
  // Others have none; clients in Go write the keys of Amazon all the same, with nothing in them.
  const given = name === 'Amazon' ? (value['metadata'] ?? undefined) : undefined
  return {
    class: reader.name(value['@class'], 'dataCenterInfo.@class'),
    name,
    metadata: given === undefined ? undefined : reader.map(given, 'dataCenterInfo.metadata'),
  }
}

function leaseOf(reader: FieldReader, value: unknown): LeaseInfo {
  const given = value ?? {}
  if (!isFields(given)) refuseBody('leaseInfo', 'is not an object')
  const read = (key: string, range: IntegerRange, alias = key) =>
    reader.integer(given[key] ?? given[alias], `leaseInfo.${key}`, range)
  const renewalIntervalInSecs = read('renewalIntervalInSecs', seconds)
  const durationInSecs = read('durationInSecs', seconds)
  return {
    renewalIntervalInSecs: renewalIntervalInSecs > 0 ? renewalIntervalInSecs : 30,
    durationInSecs: durationInSecs > 0 ? durationInSecs : 90,
    registrationTimestamp: read('registrationTimestamp', timestamp),
    lastRenewalTimestamp: read('lastRenewalTimestamp', timestamp, 'renewalTimestamp'),
    evictionTimestamp: read('evictionTimestamp', timestamp),
    serviceUpTimestamp: read('serviceUpTimestamp', timestamp),
  }
}
