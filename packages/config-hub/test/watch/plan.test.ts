import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { planOf, PrefixSet } from '../../src/watch/plan.ts'

const group = { namespace: 'n', group: 'g' }

describe('what is watched', () => {
  test('is watched once, however often it is wanted', () => {
    const other = { ...group, group: 'h' }
    const plan = planOf([
      { ...group, prefix: 'db/' },
      { ...group, file: 'db/main' },
      { ...group, file: 'app' },
      { ...other, file: 'app' },
      { ...group, file: 'app' },
      { ...group, prefix: 'db/x' },
    ])
    expect(plan.files).toEqual([
      { ...group, file: 'app' },
      { ...other, file: 'app' },
    ])
    expect(plan.groups).toMatchObject([{ key: group }])
    expect(planOf([{ ...group, file: 'app' }, group, { ...group, prefix: 'x' }])).toMatchObject({
      files: [],
      groups: [{ key: group }],
    })
  })

  test('begins with one of many', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '/', '\uffff', '\u{1f600}'), maxLength: 5 })
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 20 }), fc.array(text), (prefixes, names) => {
        const set = new PrefixSet(prefixes)
        for (const name of names) {
          expect(set.covers(name)).toBe(prefixes.some((prefix) => name.startsWith(prefix)))
        }
      }),
    )
  })
})
