import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compilePattern } from '../../src/gray/label-pattern.ts'

describe('a pattern', () => {
  test.each([
    ['v1\\..*', 'v1.2', 'v2.1'],
    ['a|ab', 'ab', 'abc'],
    ['b', 'b', 'abc'],
    ['', '', 'a'],
    ['(?i)eu-.*', 'EU-West', 'us'],
    ['[[:alpha:]]+', 'abc', 'ab1'],
    ['\\p{L}+', 'größe', 'a b'],
    ['.', '😀', 'ab'],
    ['a.b', 'axb', 'a\nb'],
    ['(a+)+', 'aaaa', `${'a'.repeat(200)}b`],
    ['[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}', '0123abcd-0123-0123-0123-0123456789ab', '0123abcd'],
    ['(25[0-5]|2[0-4]\\d|1?\\d?\\d)(\\.(25[0-5]|2[0-4]\\d|1?\\d?\\d)){3}', '10.1.2.255', '10.1.2.256'],
  ])('%s matches the whole of a value', (pattern, matched, unmatched) => {
    const compiled = compilePattern(pattern)
    expect(compiled.matches(matched)).toBe(true)
    expect(compiled.matches(unmatched)).toBe(false)
  })

  test('matches what the engine matches, where both mean the same', () => {
    const part = fc.constantFrom('a', 'b', '.', '[ab]', '(a|b)', '(?:ab)', '\\d')
    const times = fc.constantFrom('', '*', '+', '?', '{2}', '{1,3}')
    const pattern = fc.array(fc.tuple(part, times), { minLength: 1, maxLength: 4 })
    const value = fc.string({ unit: fc.constantFrom('a', 'b', '1'), maxLength: 8 })
    const property = fc.property(pattern, value, (parts, text) => {
      const source = parts.map((both) => both.join('')).join('')
      expect(compilePattern(source).matches(text)).toBe(new RegExp(`^(?:${source})$`).test(text))
    })
    fc.assert(property, { numRuns: 300 })
  })

  test.each([
    '(?=a)',
    '(?!a)',
    '(?<=a)b',
    '(a)\\1',
    '(',
    ')',
    '[',
    'a**',
    '\\',
    '*',
    '(?P<n>a)(?P<n>b)',
    'a{1001}',
  ])('is not %s', (pattern) => {
    expect(() => compilePattern(pattern)).toThrow(/^error parsing regexp/)
  })

  test.each([
    ['a long text again and again', `(?:${'a'.repeat(500)}){1000}`],
    ['many', `(?:${'a?'.repeat(10)}){1000}`],
    ['repeats within repeats', `(?:${'(?:a?b?){30}'.repeat(8)}){30}`],
    ['more steps than it may', 'a{1000}'],
    ['more steps than it may, in parts', 'a{400}b{400}c{400}'],
  ])('takes too much work with %s', (_, pattern) => {
    expect(() => compilePattern(pattern)).toThrow('takes too much work')
  })

  test('looks at values of 512 characters, and at no longer ones', () => {
    const compiled = compilePattern('.*')
    expect(compiled.matches('x'.repeat(512))).toBe(true)
    expect(compiled.matches('x'.repeat(513))).toBe(false)
  })
})
