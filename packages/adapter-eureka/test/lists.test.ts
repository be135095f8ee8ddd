import { gunzipSync } from 'node:zlib'
import { createManualEnvironment, type ManualEnvironment } from '@orrery/environment/testing'
import { describe, expect, test } from 'vitest'
import { Applications } from '../src/applications.ts'
import { renditionFor } from '../src/formats.ts'
import { EurekaLists, type ListRequest } from '../src/view/eureka-lists.ts'
import { type List, Lists } from '../src/view/lists.ts'
import { during } from './support.ts'
import { instance } from './view-support.ts'

const rendition = renditionFor({ accept: 'application/json', eurekaAccept: undefined }, false)
const inXml = renditionFor({ accept: undefined, eurekaAccept: undefined }, false)

interface Trial {
  readonly environment: ManualEnvironment
  readonly applications: Applications
  readonly eureka: EurekaLists
  readonly lists: Lists
  readonly request: ListRequest
  /** Instances of two applications, so many of each. */
  readonly fill: (count: number) => void
}

function trial(cacheMaxBytes = 1_000_000_000): Trial {
  const environment = createManualEnvironment()
  const eureka = new EurekaLists({ revision: 7 }, cacheMaxBytes)
  const lists = new Lists({ environment, budget: eureka.budget, gzipLevel: 1 })
  let generation = 0
  const applications = new Applications({
    deltaLimits: { expireMs: 180_000, maxItems: 1_000 },
    nextGeneration: () => ++generation,
    releases: {
      instance: (shown) => eureka.forgetInstance(shown),
      app: (app) => eureka.forgetApp(app),
    },
  })
  const request = { namespace: 'default', applications, rendition }
  const fill = (count: number): void => {
    for (let n = 0; n < count; n++) {
      for (const service of ['shop', 'auth']) {
        applications.put(instance({ service, id: `${service}-${n}` }), 'UP', {
          revision: n,
          atMs: 0,
          isQuiet: true,
        })
      }
    }
  }
  return { environment, applications, eureka, lists, request, fill }
}

describe('a list', () => {
  test('is made once as long as nothing changes', async () => {
    const { environment, lists, eureka, request, fill } = trial()
    fill(50)
    for (const list of [eureka.delta(request), eureka.vips(request, 'vips', 'shop')]) {
      expect(lists.get(list, false)).toBe(lists.get(list, false))
    }
    // Both applications; what is around them is put together anew.
    const [first, second] = [1, 2].map(() => partsOf(lists.get(eureka.apps(request), false)))
    expect(second?.filter((part) => first?.includes(part) === true)).toHaveLength(2)
    const packed = await during(environment, Promise.resolve(lists.get(eureka.apps(request), true)))
    expect(packed.encoding).toBe('gzip')
    expect(lists.get(eureka.apps(request), true)).toBe(packed)
    expect(lists.get(eureka.apps({ ...request, rendition: inXml }), false)).not.toBe(packed)
  })

  test('is made anew after a change, but what has not changed is not encoded again', () => {
    const { applications, eureka, lists, request, fill } = trial()
    fill(50)
    const shop = eureka.app(request, 'shop')
    const auth = eureka.app(request, 'auth')
    if (shop === undefined || auth === undefined) throw new Error('both are there')
    const before = [eureka.apps(request), shop, auth].map((list) => lists.get(list, false))
    const shown = [...(applications.apps.get('SHOP')?.members.values() ?? [])]
    // Whoever encodes it again would take this away.
    for (const one of shown) one.texts[rendition.index] = `"kept ${one.instance.id}"`
    applications.put(instance({ id: 'shop-3' }), 'DOWN', { revision: 100, atMs: 0 })
    const after = [eureka.apps(request), shop, auth].map((list) => lists.get(list, false))
    expect(after[0]).not.toBe(before[0])
    expect(after[1]).not.toBe(before[1])
    expect(partsOf(after[2])[1]).toBe(partsOf(before[2])[1])
    const body = contentOf(after[0])
    expect(body.match(/kept/g)).toHaveLength(49)
    expect(body).toContain('"status":"DOWN"')
  })

  test('of vip addresses stays while only others change', () => {
    const { applications, eureka, lists, request, fill } = trial()
    fill(5)
    const list = (): List => eureka.vips(request, 'vips', 'shop')
    const before = lists.get(list(), false)
    applications.put(instance({ service: 'auth', id: 'new' }), 'UP', { revision: 100, atMs: 0 })
    expect(lists.get(list(), false)).toBe(before)
    applications.put(instance({ service: 'shop', id: 'new' }), 'UP', { revision: 101, atMs: 0 })
    expect(lists.get(list(), false)).not.toBe(before)
  })

  test('that nobody could know of takes no place', () => {
    const { eureka, lists, request } = trial()
    for (let n = 0; n < 1_000; n++) void lists.get(eureka.vips(request, 'vips', `unknown-${n}`), false)
    for (let n = 0; n < 1_000; n++) {
      void lists.get(eureka.apps({ ...request, namespace: `n-${n}`, applications: undefined }), false)
    }
    expect(eureka.budget.bytes).toBe(0)
  })

  test('takes nothing any more when everything is gone', () => {
    const { applications, eureka, lists, request, fill } = trial()
    fill(20)
    void lists.get(eureka.apps(request), false)
    const full = eureka.budget.bytes
    for (const app of [...applications.apps.values()]) {
      for (const { instance: one } of [...app.members.values()])
        applications.remove(one, { revision: 1, atMs: 0 })
    }
    void lists.get(eureka.apps(request), false)
    void lists.get(eureka.delta(request), false)
    applications.delta.trim(200_000)
    void lists.get(eureka.delta(request), false)
    expect(eureka.budget.bytes).toBeLessThan(full / 50)
  })

  test('is right however little may be kept', () => {
    const small = trial(10_000)
    const large = trial()
    for (const { fill } of [small, large]) fill(50)
    for (const form of [rendition, inXml, rendition]) {
      const [one, other] = [small, large].map(({ eureka, lists, request }) =>
        lists.get(eureka.apps({ ...request, rendition: form }), false),
      )
      expect(contentOf(one)).toBe(contentOf(other))
    }
    expect(large.eureka.budget.bytes).toBeGreaterThan(100_000)
    // The last one alone may be larger than the bound.
    expect(small.eureka.budget.bytes).toBeLessThan(large.eureka.budget.bytes / 2)
  })

  test('that takes long to encode is made in slices, and is right in the end', async () => {
    const { environment, applications, eureka, lists, request, fill } = trial()
    fill(200)
    // Each look at the clock takes a while.
    const { clock } = environment
    const slow = { ...environment, clock: { ...clock, nowMs: () => (clock.advance(2), clock.nowMs()) } }
    const sliced = new Lists({ environment: slow, budget: eureka.budget, gzipLevel: 1 })
    const list = eureka.apps(request)
    const body = sliced.get(list, false)
    expect(body).toBeInstanceOf(Promise)
    expect(sliced.get(list, false)).toBe(body)
    applications.put(instance({ id: 'shop-0' }), 'DOWN', { revision: 900, atMs: 0 })
    const built = await during(environment, Promise.resolve(body))
    expect(contentOf(built)).toBe(contentOf(lists.get(eureka.apps(request), false)))
    expect(contentOf(built)).toContain('"apps__hashcode":"DOWN_1_UP_399_"')
  })
})

describe('compression', () => {
  test('is done once for all who wait, and again for those who come while it is done', async () => {
    const { environment, applications, eureka, lists, request, fill } = trial()
    fill(100)
    const get = () => Promise.resolve(lists.get(eureka.apps(request), true))
    const [first, second] = [get(), get()]
    applications.put(instance({ id: 'late' }), 'STARTING', { revision: 900, atMs: 0 })
    const third = get()
    const bodies = await during(environment, Promise.all([first, second, third]))
    expect(
      bodies.map(({ parts }) => gunzipSync(Buffer.concat(parts)).toString().includes('"STARTING"')),
    ).toEqual([false, true, true])
    expect(bodies[1]).toBe(bodies[2])
  })

  test('is not worth it for a few bytes', async () => {
    const { environment, eureka, lists, request } = trial()
    const body = await during(environment, Promise.resolve(lists.get(eureka.apps(request), true)))
    expect(body.encoding).toBe('identity')
    expect(contentOf(body)).toBe(
      '{"applications":{"versions__delta":"0","apps__hashcode":"","application":[]}}',
    )
  })
})

function partsOf(body: ReturnType<Lists['get']> | undefined): readonly Buffer[] {
  if (body === undefined || body instanceof Promise) throw new Error('it is not made yet')
  return body.parts
}

function contentOf(body: ReturnType<Lists['get']> | undefined): string {
  return Buffer.concat(partsOf(body)).toString()
}
