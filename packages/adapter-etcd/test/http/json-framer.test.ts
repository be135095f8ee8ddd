import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { JsonFramer } from '../../src/http/json/json-framer.ts'

const messageMaxBytes = 1_000_000

function frames(framer: JsonFramer, text: string): string[] {
  return [...framer.push(Buffer.from(text))].map(String)
}

describe('JsonFramer', () => {
  test('gives every object once, however the bytes are cut', () => {
    const objects = fc.array(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 })), { maxLength: 6 })
    fc.assert(
      fc.property(
        objects,
        fc.array(fc.nat(40)),
        fc.constantFrom('', '\n', ' \r\n\t'),
        (values, cuts, gap) => {
          const bytes = Buffer.from(values.map((value) => JSON.stringify(value) + gap).join(''))
          const framer = new JsonFramer(messageMaxBytes)
          const seen: string[] = []
          let at = 0
          for (const cut of [...cuts, bytes.length]) {
            for (const object of framer.push(bytes.subarray(at, at + cut))) seen.push(object.toString())
            at += cut
          }
          expect(seen).toEqual(values.map((value) => JSON.stringify(value)))
          expect(framer.idle).toBe(true)
        },
      ),
    )
  })

  test('is not idle inside an object', () => {
    const framer = new JsonFramer(messageMaxBytes)
    expect(frames(framer, '{"a":"}')).toEqual([])
    expect(framer.idle).toBe(false)
    expect(frames(framer, '"}')).toEqual(['{"a":"}"}'])
    expect(framer.idle).toBe(true)
  })

  test('refuses what does not begin an object, after the objects before it', () => {
    const seen: string[] = []
    const framer = new JsonFramer(messageMaxBytes)
    expect(() => {
      for (const object of framer.push(Buffer.from('{"a":1} [2]'))) seen.push(object.toString())
    }).toThrow("invalid character '[' looking for beginning of value")
    expect(seen).toEqual(['{"a":1}'])
  })

  test('bounds what it holds', () => {
    const framer = new JsonFramer(10)
    expect(frames(framer, '{"a":1234}')).toEqual(['{"a":1234}'])
    expect(frames(framer, '{"a":123')).toEqual([])
    expect(() => frames(framer, '45}')).toThrow('received message larger than max (11 vs. 10)')
  })
})
