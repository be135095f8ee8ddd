import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { JsonValue } from '../../src/http/json/parse-json.ts'
import { JsonNumber, JsonSyntaxError, jsonDepthMax, parseJson } from '../../src/http/json/parse-json.ts'

/** What `JSON.parse` would have given. */
function plain(value: JsonValue): unknown {
  if (value instanceof JsonNumber) return Number(value.text)
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, entry]) => [key, plain(entry)]))
  if (Array.isArray(value)) return value.map(plain)
  return value
}

describe('parseJson', () => {
  test('agrees with JSON.parse on every valid text', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), fc.constantFrom(undefined, 1, '\t'), (text, indent) => {
        const spaced = JSON.stringify(JSON.parse(text), undefined, indent)
        expect(plain(parseJson(spaced))).toEqual(JSON.parse(spaced))
      }),
    )
  })

  test('refuses what JSON.parse refuses, unless a valid value comes first', () => {
    const pieces = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '\\',
      'a',
      '1',
      '-',
      '.',
      'e',
      'null',
      ' ',
    )
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
        const text = `[${parts.join('')}`
        let parsed: JsonValue
        try {
          parsed = parseJson(text)
        } catch (error) {
          expect(error).toBeInstanceOf(JsonSyntaxError)
          const isValid = (): unknown => JSON.parse(text)
          if (!text.includes('"')) expect(isValid).toThrow()
          return
        }
        const prefixes = Array.from(text, (_, index) => text.slice(0, index + 1))
        expect(prefixes.some((prefix) => same(prefix, parsed))).toBe(true)
      }),
      { numRuns: 2_000 },
    )
  })

  test('keeps numbers as they are written', () => {
    expect(parseJson('7587862094723943424')).toEqual(new JsonNumber('7587862094723943424'))
    expect(parseJson('[-0.5e+2]')).toEqual([new JsonNumber('-0.5e+2')])
  })

  test('treats __proto__ as a key like any other', () => {
    const parsed = parseJson('{"__proto__":{"polluted":true}}')
    expect(parsed).toEqual(new Map([['__proto__', new Map([['polluted', true]])]]))
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false)
  })

  test('ignores what follows the first value', () => {
    expect(parseJson('{"a":1} trailing')).toEqual(new Map([['a', new JsonNumber('1')]]))
  })

  test('reads escapes', () => {
    expect(parseJson('"a\\"\\\\\\u00e9\\ud83d\\ude00\\n"')).toBe('a"\\é😀\n')
  })

  test('reads a long string of escapes', () => {
    expect(parseJson(`"${'\\\\'.repeat(500_000)}"`)).toHaveLength(500_000)
  })

  test.each([
    ['', 'unexpected EOF'],
    ['{', 'unexpected EOF'],
    ['{"a":1', 'unexpected EOF'],
    ['"abc', 'unexpected EOF'],
    ['"abc\\"', 'unexpected EOF'],
    ['{a:1}', "invalid character 'a' looking for beginning of object key string"],
    ['{"a" 1}', "invalid character '1' after object key"],
    ['{"a":1 "b"}', `invalid character '"' after object key:value pair`],
    ['{"a":1,}', "invalid character '}' looking for beginning of object key string"],
    ['[1 2]', "invalid character '2' after array element"],
    ['x', "invalid character 'x' looking for beginning of value"],
    ['nul', "invalid character 'n' in literal null"],
    ['"\\x"', 'invalid character in string literal'],
    ['"\n"', 'invalid character in string literal'],
    ['{"a":1,"a":2}', 'duplicate field "a"'],
  ])('refuses %j', (text, message) => {
    expect(() => parseJson(text)).toThrow(new JsonSyntaxError(message))
  })

  test('bounds depth', () => {
    const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)
    expect(() => parseJson(nested(jsonDepthMax))).not.toThrow()
    expect(() => parseJson(nested(jsonDepthMax + 1))).toThrow('exceeded max depth')
    expect(() => parseJson('['.repeat(1_000_000))).toThrow('exceeded max depth')
  })
})

function same(text: string, parsed: JsonValue): boolean {
  try {
    expect(plain(parsed)).toEqual(JSON.parse(text))
    return true
  } catch {
    return false
  }
}
