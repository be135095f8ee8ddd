import { describe, expect, test } from 'vitest'
import { parseQueryString } from '../src/query-string.ts'

const rules = { flags: new Set(['plain']), invalid: (message: string) => new Error(message) }

describe('a query string', () => {
  test('has all values of each parameter', () => {
    const parameters = parseQueryString('/a?x=1&y=a+b%20c&x=2&&plain&x', rules)
    expect({ ...parameters }).toEqual({ x: ['1', '2', ''], y: 'a b c', plain: 'true' })
  })

  test('whose escapes are none is refused', () => {
    expect(() => parseQueryString('/a?x=%zz', rules)).toThrow('querystring has an escape that is none: %zz')
  })

  test('that is none has no parameters, until a hook of the host adds some', () => {
    const none = parseQueryString('/a', rules)
    expect(Object.keys(none)).toEqual([])
    Object.assign(none, { x: '1' })
    expect({ ...none }).toEqual({ x: '1' })
    expect({ ...parseQueryString('/b', rules) }).toEqual({})
  })

  test.each(['/a', '/a?', '/a?x=1'])('means nothing by names that all objects have: %s', (url) => {
    const parameters = parseQueryString(url, rules)
    expect([parameters['constructor'], parameters['__proto__']]).toEqual([undefined, undefined])
  })
})
