import { expect } from 'vitest'

/** What is thrown for a field that is out of its range or form. */
export function refusal(field: string): Error {
  const name = field.replaceAll(/[.[\]]/g, '\\$&')
  return expect.objectContaining({
    code: 'CONFIG_INVALID',
    message: expect.stringMatching(new RegExp(`^CONFIG_INVALID: ${name}: .`)) as string,
  }) as Error
}

/** A text of so many code units. */
export function chars(length: number): string {
  return 'x'.repeat(length)
}

/** Texts by name, so many. */
export function entries(count: number): Readonly<Record<string, string>> {
  return Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${n}`, 'v']))
}
