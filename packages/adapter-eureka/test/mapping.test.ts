import type { Instance, InstanceSpec } from '@orrery/registry'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type RegistrationContext, toInstanceInfo, toInstanceSpec } from '../src/mapping.ts'
import { effectiveStatus, shownStatus } from '../src/status.ts'
import { type InstanceInfo, instanceStatuses } from '../src/wire/instance-info.ts'
import { complete, plain } from './wire/instances.ts'

const context: RegistrationContext = {
  namespace: 'default',
  current: undefined,
  wallMs: 1_700_000_000_000,
  leaseDurationFactor: 1,
  evictAfterMs: 60_000,
}

/** What a registry makes of it. */
function registered(spec: InstanceSpec, changes: Partial<Instance> = {}): Instance {
  const healthy = spec.healthy ?? true
  return {
    namespace: spec.namespace,
    service: spec.service,
    id: spec.id ?? '',
    host: spec.host,
    port: spec.port,
    protocol: spec.protocol ?? '',
    version: '',
    weight: 100,
    priority: 0,
    location: { region: '', zone: '', campus: '', ...spec.location },
    metadata: spec.metadata ?? {},
    logicalSet: '',
    isolated: spec.isolated ?? false,
    healthy,
    reportedHealthy: healthy,
    expired: false,
    healthReason: 'registered',
    healthChangedMs: 0,
    ttlMs: spec.ttlMs ?? 0,
    heartbeatIntervalMs: spec.heartbeatIntervalMs ?? 0,
    evictAfterMs: spec.evictAfterMs ?? 0,
    // It goes through the store.
    extensions: JSON.parse(JSON.stringify(spec.extensions ?? {})) as Instance['extensions'],
    revision: 1,
    createdRevision: 1,
    ...changes,
  }
}

function throughRegistry(info: InstanceInfo, given: Partial<RegistrationContext> = {}): InstanceInfo {
  const instance = registered(toInstanceSpec(info, { ...context, ...given }))
  return toInstanceInfo(instance, { status: shownStatus(instance, false) })
}

/** What the server decides. */
const decided = {
  leaseInfo: undefined,
  lastUpdatedTimestamp: undefined,
  overriddenStatus: undefined,
  actionType: undefined,
}

const text = fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme' })
const maybe = fc.option(text, { nil: undefined })
const port = fc.record({ port: fc.integer({ min: 0, max: 65_535 }), enabled: fc.boolean() })
const instanceInfo: fc.Arbitrary<InstanceInfo> = fc.record({
  instanceId: text,
  hostName: text,
  app: fc.constantFrom('SHOP', 'AUTH-2'),
  ipAddr: fc.oneof(text, fc.ipV4(), fc.ipV6()),
  sid: maybe,
  status: fc.constantFrom(...instanceStatuses),
  overriddenStatus: fc.constant('UNKNOWN' as const),
  port,
  securePort: port,
  countryId: fc.oneof(fc.constant(1), fc.nat()),
  dataCenterInfo: fc.record({
    class: maybe,
    name: fc.constantFrom('MyOwn', 'Amazon'),
    metadata: fc.option(fc.dictionary(text, fc.string()), { nil: undefined }),
  }),
  leaseInfo: fc.record({
    renewalIntervalInSecs: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
    durationInSecs: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
    registrationTimestamp: fc.nat(),
    lastRenewalTimestamp: fc.nat(),
    evictionTimestamp: fc.nat(),
    serviceUpTimestamp: fc.nat(),
  }),
  metadata: fc.dictionary(text, fc.string()),
  appGroupName: maybe,
  homePageUrl: maybe,
  statusPageUrl: maybe,
  healthCheckUrl: maybe,
  secureHealthCheckUrl: maybe,
  vipAddress: maybe,
  secureVipAddress: maybe,
  asgName: maybe,
  isCoordinatingDiscoveryServer: fc.boolean(),
  lastUpdatedTimestamp: fc.nat(),
  lastDirtyTimestamp: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  actionType: fc.constant(undefined),
})

describe('an instance on its way through a registry', () => {
  test('loses nothing', () => {
    fc.assert(
      fc.property(instanceInfo, (info) => {
        const shown = throughRegistry(info)
        expect({ ...shown, ...decided }).toEqual({ ...info, ...decided })
        expect(shown.leaseInfo.durationInSecs).toBe(info.leaseInfo.durationInSecs)
        expect(shown.leaseInfo.renewalIntervalInSecs).toBe(info.leaseInfo.renewalIntervalInSecs)
      }),
    )
  })

  test('leaves behind what goes without saying', () => {
    const info: InstanceInfo = {
      ...plain,
      instanceId: 'a',
      countryId: 1,
      dataCenterInfo: { class: undefined, name: 'MyOwn', metadata: undefined },
    }
    const { eureka } = toInstanceSpec(info, context).extensions ?? {}
    for (const field of ['countryId', 'dataCenterInfo', 'overriddenStatus', 'sid', 'isAnonymous']) {
      expect(eureka).not.toHaveProperty(field)
    }
    expect(throughRegistry(info)).toMatchObject({ countryId: 1, dataCenterInfo: info.dataCenterInfo })
  })

  test('fits what a registry takes, whatever its lease is', () => {
    fc.assert(
      fc.property(instanceInfo, fc.double({ min: 1, max: 10, noNaN: true }), (info, leaseDurationFactor) => {
        const { ttlMs = 0, heartbeatIntervalMs = 0 } = toInstanceSpec(info, {
          ...context,
          leaseDurationFactor,
        })
        expect(Number.isInteger(ttlMs) && ttlMs >= 1_000 && ttlMs <= 86_400_000).toBe(true)
        expect(heartbeatIntervalMs >= 100 && heartbeatIntervalMs <= ttlMs).toBe(true)
      }),
    )
  })

  test('is called by its address if it has one, by the port that is enabled', () => {
    const ports = { port: { port: 80, enabled: false }, securePort: { port: 443, enabled: true } }
    expect(toInstanceSpec({ ...plain, ...ports }, context)).toMatchObject({
      host: '10.0.0.1',
      port: 443,
      protocol: 'https',
    })
    expect(toInstanceSpec({ ...plain, ipAddr: 'unknown' }, context)).toMatchObject({
      host: 'host',
      port: 8080,
      protocol: 'http',
    })
  })

  test('is found by the id of Amazon, or its host name, when it has none of its own', () => {
    const amazon: InstanceInfo = { ...complete, instanceId: undefined }
    expect(toInstanceSpec(amazon, context).id).toBe('i-1')
    expect(throughRegistry(amazon).instanceId).toBeUndefined()
    expect(toInstanceSpec(plain, context).id).toBe('host')
  })

  test('shows where another protocol has moved it', () => {
    const instance = registered(toInstanceSpec(complete, context), { host: '10.9.9.9', port: 1 })
    expect(toInstanceInfo(instance, { status: 'UP' })).toMatchObject({
      hostName: '10.9.9.9',
      ipAddr: '10.9.9.9',
      port: { port: 1 },
      securePort: complete.securePort,
    })
  })

  test('is up since it was first up, over registrations', () => {
    const first = registered(toInstanceSpec({ ...plain, status: 'STARTING' }, context))
    expect(toInstanceInfo(first, { status: 'STARTING' }).leaseInfo.serviceUpTimestamp).toBe(0)
    const second = registered(toInstanceSpec(plain, { ...context, current: first, wallMs: 2_000 }))
    const third = registered(toInstanceSpec(plain, { ...context, current: second, wallMs: 3_000 }))
    expect(toInstanceInfo(third, { status: 'UP' }).leaseInfo).toMatchObject({
      serviceUpTimestamp: 2_000,
      registrationTimestamp: 3_000,
    })
  })

  test('keeps what other protocols have added', () => {
    const current = registered(toInstanceSpec(plain, context), { extensions: { other: { a: 1 } } })
    expect(toInstanceSpec(plain, { ...context, current }).extensions).toMatchObject({ other: { a: 1 } })
  })

  test('is read even when somebody has written nonsense into what is kept', () => {
    fc.assert(
      fc.property(
        fc.jsonValue(),
        fc.dictionary(fc.constantFrom(...Object.keys(complete)), fc.jsonValue()),
        (any, fields) => {
          for (const eureka of [any, fields]) {
            const extensions = { eureka } as Instance['extensions']
            const instance = registered(toInstanceSpec(plain, context), { extensions })
            const info = toInstanceInfo(instance, { status: shownStatus(instance, false) })
            expect(typeof info.hostName).toBe('string')
            expect(Number.isSafeInteger(info.port.port)).toBe(true)
          }
        },
      ),
    )
  })
})

describe('the status', () => {
  test.each([
    ['UP', 'OUT_OF_SERVICE', 'OUT_OF_SERVICE'],
    ['OUT_OF_SERVICE', 'UP', 'UP'],
    ['DOWN', 'UP', 'DOWN'],
    ['STARTING', 'OUT_OF_SERVICE', 'STARTING'],
    ['UNKNOWN', 'UP', 'UNKNOWN'],
    ['UP', 'UNKNOWN', 'UP'],
    ['OUT_OF_SERVICE', 'UNKNOWN', 'OUT_OF_SERVICE'],
  ] as const)('%s, overridden by %s, is %s', (reported, override, effective) => {
    expect(effectiveStatus(reported, override)).toBe(effective)
  })

  test('of an instance whose heartbeats are missing is down, unless it is protected', () => {
    const spec = toInstanceSpec({ ...plain, status: 'STARTING' }, context)
    expect(shownStatus(registered(spec, { expired: true }), false)).toBe('DOWN')
    expect(shownStatus(registered(spec, { expired: true }), true)).toBe('STARTING')
    expect(shownStatus(registered(spec, { expired: true, isolated: true }), true)).toBe('OUT_OF_SERVICE')
    expect(shownStatus(registered(spec, { expired: true, reportedHealthy: true }), true)).toBe('UP')
  })
})
