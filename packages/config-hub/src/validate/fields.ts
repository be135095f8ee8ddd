import { ConfigError } from '../errors.ts'
import { configLimits } from '../limits.ts'
import type { ContentFormat, Metadata } from '../model.ts'
import { contentFormats } from '../model.ts'

// What is given may come from JSON of a stranger: types are looked at, not believed.

/** Lone surrogates: no UTF-8 stands for them. */
const illFormed = /\p{Surrogate}/u

/** @throws ConfigError `CONFIG_INVALID` always */
export function refuse(field: string, reason: string): never {
  throw new ConfigError('CONFIG_INVALID', `${field}: ${reason}`)
}

/** A text of so many UTF-16 code units at most. @throws ConfigError `CONFIG_INVALID` */
export function textOf(value: unknown, field: string, maxChars: number): string {
  if (typeof value !== 'string') refuse(field, `must be a string, got ${kindOf(value)}`)
  if (value.length > maxChars) refuse(field, `must have at most ${maxChars} characters, got ${value.length}`)
  if (illFormed.test(value)) refuse(field, 'must be well-formed Unicode, got half of a surrogate pair')
  return value
}

/** The same, of at least one character. @throws ConfigError `CONFIG_INVALID` */
export function someTextOf(value: unknown, field: string, maxChars: number): string {
  const text = textOf(value, field, maxChars)
  if (text.length === 0) refuse(field, 'must not be empty')
  return text
}

/** An integer in a range, both ends included. @throws ConfigError `CONFIG_INVALID` */
export function integerOf(
  value: unknown,
  field: string,
  { min, max = Number.MAX_SAFE_INTEGER }: { readonly min: number; readonly max?: number },
): number {
  if (typeof value !== 'number') refuse(field, `must be an integer, got ${kindOf(value)}`)
  if (!Number.isSafeInteger(value) || value < min || value > max) {
    const range = max === Number.MAX_SAFE_INTEGER ? `from ${min} on` : `from ${min} to ${max}`
    refuse(field, `must be an integer ${range}, got ${value}`)
  }
  return value === 0 ? 0 : value // not -0, which is another value once it is stored
}

/** @throws ConfigError `CONFIG_INVALID` */
export function flagOf(value: unknown, field: string): boolean {
  if (typeof value !== 'boolean') refuse(field, `must be true or false, got ${kindOf(value)}`)
  return value
}

/** @throws ConfigError `CONFIG_INVALID` */
export function formatOf(value: unknown, field = 'format'): ContentFormat {
  const format = contentFormats.find((known) => known === value)
  if (format === undefined) refuse(field, `must be one of ${contentFormats.join(', ')}`)
  return format
}

/** An object as JSON has it: no array, no instance of a class. @throws ConfigError `CONFIG_INVALID` */
export function objectOf(value: unknown, field: string): Readonly<Record<string, unknown>> {
  if (!isPlainObject(value)) refuse(field, `must be an object, got ${kindOf(value)}`)
  return value
}

/** An object of whatever class: keys are often read off something larger. @throws ConfigError `CONFIG_INVALID` */
export function fieldsOf(value: unknown, field: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null) return value as Readonly<Record<string, unknown>>
  return objectOf(value, field)
}

/** An array of whatever, of so many items. @throws ConfigError `CONFIG_INVALID` */
export function arrayOf(
  value: unknown,
  field: string,
  { min, max }: { readonly min: number; readonly max: number },
): readonly unknown[] {
  if (!Array.isArray(value)) refuse(field, `must be an array, got ${kindOf(value)}`)
  if (value.length < min) refuse(field, `must have at least ${min} ${min === 1 ? 'item' : 'items'}`)
  if (value.length > max) refuse(field, `must have at most ${max} items, got ${value.length}`)
  // Holes are items as well, and are looked at like others.
  return Array.from(value as readonly unknown[])
}

/** How texts by name are bounded. */
export interface EntryBounds {
  readonly maxEntries: number
  /** UTF-16 code units that a value has at least. */
  readonly valueMinChars: 0 | 1
}

/**
 * A frozen copy of texts by name, such as metadata: nobody changes it afterwards.
 *
 * @throws ConfigError `CONFIG_INVALID`
 */
export function entriesOf(value: unknown, field: string, bounds: EntryBounds): Metadata {
  const { metadataValueMaxChars } = configLimits
  const entries = Object.entries(objectOf(value, field))
  if (entries.length > bounds.maxEntries) {
    refuse(field, `must have at most ${bounds.maxEntries} entries, got ${entries.length}`)
  }
  return Object.freeze(
    Object.fromEntries(
      entries.map(([key, entry]) => {
        checkEntryKey(key, field)
        const text = textOf(entry, `${field}.${key}`, metadataValueMaxChars)
        if (text.length < bounds.valueMinChars) refuse(`${field}.${key}`, 'must not be empty')
        return [key, text]
      }),
    ),
  )
}

/** Keys by which a careless reader would reach or change what all objects share. */
const treacherousKeys: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])

/** The name of a text. @throws ConfigError `CONFIG_INVALID` */
export function checkEntryKey(key: string, field: string): void {
  if (treacherousKeys.has(key)) refuse(field, `must not have the key ${key}`)
  if (key.length === 0) refuse(field, 'must not have an empty key')
  textOf(key, `key of ${field}`, configLimits.metadataKeyMaxChars)
}

function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  // By the look, not by identity: objects of another realm, such as a test runner's or a worker's, are as good.
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

/** What something is, for messages to whoever gave it. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value)
  return typeof value === 'object' ? 'an object' : typeof value
}
