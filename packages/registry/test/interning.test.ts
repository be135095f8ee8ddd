import { describe, expect, test } from 'vitest'
import { Interning } from '../src/interning.ts'

const made = (name: string): { readonly name: string } => ({ name })

describe('interning', () => {
  test('gives what has one name once', () => {
    const interning = new Interning<object>()
    const first = interning.get('a', () => made('a'))
    expect(interning.get('a', () => made('again'))).toBe(first)
    expect(interning.find('a')).toBe(first)
    expect(interning.get('b', () => made('b'))).toEqual({ name: 'b' })
    expect(interning.find('c')).toBeUndefined()
  })

  test('does not remember what has a long name', () => {
    const interning = new Interning<object>(3)
    const first = interning.get('long', () => made('long'))
    expect(interning.get('long', () => made('again'))).not.toBe(first)
  })

  test('forgets what nobody asks for, and keeps what many ask for, however much passes by', () => {
    const interning = new Interning<object>()
    const common = interning.get('common', () => made('common'))
    const rare = interning.get('rare', () => made('rare'))
    for (let n = 0; n < 20_000; n++) {
      interning.get(`unique ${n}`, () => made('unique'))
      if (n % 1_000 === 0) interning.find('common')
    }
    expect(interning.get('common', () => made('again'))).toBe(common)
    expect(interning.get('rare', () => made('again'))).not.toBe(rare)
  })
})
