import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Applications } from '../src/applications.ts'
import type { ShownInstance } from '../src/view/shown-instance.ts'
import { hashCodeOf } from '../src/wire/hash-code.ts'
import type { InstanceStatus } from '../src/wire/instance-info.ts'
import { instance } from './view-support.ts'

function applications(
  maxItems = 1_000,
  released: (shown: ShownInstance) => void = () => undefined,
): Applications {
  let generation = 0
  return new Applications({
    deltaLimits: { expireMs: 1_000, maxItems },
    nextGeneration: () => ++generation,
    releases: { instance: released, app: () => undefined },
  })
}

function idsOf(apps: Applications): string[] {
  return apps.delta
    .changes()
    .flatMap(({ app, shown }) =>
      shown.map((one) => `${app}/${one.instance.id} ${one.actionType} ${one.status}`),
    )
}

describe('a delta', () => {
  test('forgets what is older than it has to tell', () => {
    const apps = applications()
    apps.put(instance({ id: 'a' }), 'UP', { revision: 1, atMs: 0 })
    apps.put(instance({ id: 'b' }), 'UP', { revision: 2, atMs: 500 })
    apps.delta.trim(999)
    expect(idsOf(apps)).toEqual(['SHOP/a ADDED UP', 'SHOP/b ADDED UP'])
    apps.delta.trim(1_000)
    expect(idsOf(apps)).toEqual(['SHOP/b ADDED UP'])
    apps.delta.trim(1_500)
    expect(idsOf(apps)).toEqual([])
  })

  test('tells the last of each instance, the deleted ones after the others', () => {
    const apps = applications()
    apps.put(instance({ id: 'a' }), 'UP', { revision: 1, atMs: 0 })
    apps.put(instance({ id: 'b' }), 'UP', { revision: 2, atMs: 1 })
    apps.put(instance({ id: 'a' }), 'DOWN', { revision: 3, atMs: 2 })
    apps.remove(instance({ id: 'b' }), { revision: 4, atMs: 3 })
    apps.put(instance({ id: 'c' }), 'UP', { revision: 5, atMs: 4 })
    apps.put(instance({ id: 'x', service: 'auth' }), 'UP', { revision: 6, atMs: 5 })
    expect(idsOf(apps)).toEqual([
      'AUTH/x ADDED UP',
      'SHOP/a MODIFIED DOWN',
      'SHOP/c ADDED UP',
      'SHOP/b DELETED UP',
    ])
  })

  test('that would have to tell too much is incomplete until what it lacks is old', () => {
    const apps = applications(2)
    for (const [atMs, id] of ['a', 'b', 'c'].entries()) {
      apps.put(instance({ id }), 'UP', { revision: 1, atMs })
    }
    expect(apps.delta.size).toBe(2)
    expect(apps.delta.isComplete(999)).toBe(false)
    expect(apps.delta.isComplete(1_000)).toBe(true)
  })

  test('does not tell what has not changed', () => {
    const apps = applications()
    const same = instance({ id: 'a' })
    apps.put(same, 'UP', { revision: 1, atMs: 0, isQuiet: true })
    const { generation } = apps
    apps.put(same, 'UP', { revision: 1, atMs: 0 })
    apps.remove(instance({ id: 'b' }), { revision: 1, atMs: 0 })
    expect(apps.generation).toBe(generation)
    expect(idsOf(apps)).toEqual([])
  })
})

interface Step {
  readonly id: string
  readonly service: string
  readonly status: InstanceStatus | 'gone'
}

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    id: fc.constantFrom('a', 'b', 'c'),
    service: fc.constantFrom('shop', 'Shop', 'auth'),
    status: fc.constantFrom('UP', 'DOWN', 'STARTING', 'gone'),
  }),
)

function apply(apps: Applications, { id, service, status }: Step, atMs: number): void {
  const time = { revision: atMs, atMs }
  if (status === 'gone') apps.remove(instance({ id, service }), time)
  else apps.put(instance({ id, service }), status, time)
}

function hashOf(shown: Iterable<ShownInstance>): string {
  const counts = new Map<InstanceStatus, number>()
  for (const { status } of shown) counts.set(status, (counts.get(status) ?? 0) + 1)
  return hashCodeOf(counts)
}

function* allOf(apps: Applications): Iterable<ShownInstance> {
  for (const app of apps.sorted()) yield* app.members.values()
}

describe('a client', () => {
  test('that applies a delta has what the list has, and the same hash code', () => {
    fc.assert(
      fc.property(steps, steps, (before, after) => {
        const apps = applications()
        for (const step of before) apply(apps, step, 0)
        const copy = new Map([...allOf(apps)].map((shown) => [keyOf(shown), shown]))
        for (const step of after) apply(apps, step, 1)
        for (const { shown } of apps.delta.changes()) {
          for (const one of shown) {
            if (one.actionType === 'DELETED') copy.delete(keyOf(one))
            else copy.set(keyOf(one), one)
          }
        }
        expect(hashOf(copy.values())).toBe(apps.hashCode(false))
        expect(new Set(copy.keys())).toEqual(new Set([...allOf(apps)].map(keyOf)))
        expect(apps.hashCode(false)).toBe(hashOf(allOf(apps)))
      }),
    )
  })

  test('never sees an empty application, and finds by vip what is listed', () => {
    fc.assert(
      fc.property(steps, (list) => {
        const apps = applications()
        for (const [atMs, step] of list.entries()) apply(apps, step, atMs)
        let members = 0
        for (const app of apps.sorted()) {
          expect(app.members.size).toBeGreaterThan(0)
          for (const shown of app.members.values()) {
            members++
            expect(apps.vips.get(shown.instance.service)?.members.has(shown)).toBe(true)
          }
        }
        expect(apps.size).toBe(members)
        const byVip = ['shop', 'Shop', 'auth'].map((vip) => apps.vips.get(vip)?.members.size ?? 0)
        expect(byVip.reduce((sum, size) => sum + size)).toBe(members)
      }),
    )
  })

  test('is the last who needs what is released', () => {
    fc.assert(
      fc.property(steps, (list) => {
        const released = new Set<ShownInstance>()
        const apps = applications(1_000, (shown) => released.add(shown))
        for (const [atMs, step] of list.entries()) {
          apply(apps, step, atMs)
          for (const shown of allOf(apps)) expect(released.has(shown)).toBe(false)
          for (const { shown } of apps.delta.changes()) {
            for (const one of shown) expect(released.has(one)).toBe(false)
          }
        }
      }),
    )
  })
})

function keyOf({ instance: { service, id } }: ShownInstance): string {
  return `${service}/${id}`
}
