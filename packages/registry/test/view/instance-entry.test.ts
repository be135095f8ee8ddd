import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createInstance } from '../../src/instance-record.ts'
import type { Instance } from '../../src/model.ts'
import { toInstance } from '../../src/validate.ts'
import { InstanceEntry } from '../../src/view/instance-entry.ts'
import { ServiceView } from '../../src/view/service-view.ts'

const view = new ServiceView({ namespace: 'default', service: 'shop' })

function instance({ ttlMs, expired }: { readonly ttlMs: number; readonly expired: boolean }): Instance {
  const spec = { namespace: 'default', service: 'shop', id: 'a', host: '10.0.0.1', port: 80, ttlMs }
  const draft = toInstance(spec, { current: undefined, evictAfterMs: Infinity, wallMs: 0 })
  return createInstance({ ...draft, expired }, { revision: 2, createdRevision: 2 })
}

describe('the entry of an instance', () => {
  test('begins as one that another member judges', () => {
    const entry = new InstanceEntry(view, instance({ ttlMs: 3_000, expired: true }))
    const { judging, unseen, expired, ttlMs } = entry
    expect({ judging, unseen, expired, ttlMs }).toEqual({
      judging: 'elsewhere',
      unseen: false,
      expired: true,
      ttlMs: 3_000,
    })
  })

  test('keeps what is known of its judging and of its instance apart', () => {
    const step = fc.oneof(
      fc.record({ judging: fc.constantFrom('elsewhere', 'here', 'writing', 'beaten') }),
      fc.record({ unseen: fc.boolean() }),
      fc.record({ expired: fc.boolean(), ttlMs: fc.constantFrom(0, 1_000) }),
    )
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const entry = new InstanceEntry(view, instance({ ttlMs: 0, expired: false }))
        let expected = { judging: 'elsewhere', unseen: false, expired: false, ttlMs: 0 }
        for (const change of steps) {
          expected = { ...expected, ...change }
          if ('expired' in change) entry.instance = instance(change)
          else Object.assign(entry, change)
          const { judging, unseen, expired, ttlMs } = entry
          expect({ judging, unseen, expired, ttlMs }).toEqual(expected)
        }
      }),
    )
  })
})
