import { RegistryError } from './errors.ts'
import { registryLimits } from './limits.ts'
import type { JsonValue, Metadata } from './model.ts'

// What is given may come from JSON of a stranger: types are looked at, not believed.

/** Lone surrogates: no UTF-8 stands for them. */
const illFormed = /\p{Surrogate}/u

/** @throws RegistryError `REGISTRY_INVALID` always */
export function refuse(field: string, reason: string): never {
  throw new RegistryError('REGISTRY_INVALID', `${field}: ${reason}`)
}

/** A text of so many UTF-16 code units at most. @throws RegistryError `REGISTRY_INVALID` */
export function textOf(value: unknown, field: string, maxChars: number): string {
  if (typeof value !== 'string') refuse(field, `must be a string, got ${kindOf(value)}`)
  if (value.length > maxChars) refuse(field, `must have at most ${maxChars} characters, got ${value.length}`)
  if (illFormed.test(value)) refuse(field, 'must be well-formed Unicode, got half of a surrogate pair')
  return value
}

/** An integer in a range, both ends included. @throws RegistryError `REGISTRY_INVALID` */
export function integerOf(
  value: unknown,
  field: string,
  { min, max }: { readonly min: number; readonly max: number },
): number {
  if (typeof value !== 'number') refuse(field, `must be an integer, got ${kindOf(value)}`)
  if (!Number.isSafeInteger(value) || value < min || value > max) {
    refuse(field, `must be an integer from ${min} to ${max}, got ${value}`)
  }
  return value === 0 ? 0 : value // not -0, which is another value once it is stored
}

/** @throws RegistryError `REGISTRY_INVALID` */
export function flagOf(value: unknown, field: string): boolean {
  if (typeof value !== 'boolean') refuse(field, `must be true or false, got ${kindOf(value)}`)
  return value
}

/** An object as JSON has it: no array, no instance of a class. @throws RegistryError `REGISTRY_INVALID` */
export function objectOf(value: unknown, field: string): Readonly<Record<string, unknown>> {
  if (!isPlainObject(value)) refuse(field, `must be an object, got ${kindOf(value)}`)
  return value
}

/** An array, of whatever. @throws RegistryError `REGISTRY_INVALID` */
export function arrayOf(value: unknown, field: string): readonly unknown[] {
  if (!Array.isArray(value)) refuse(field, `must be an array, got ${kindOf(value)}`)
  return value
}

/**
 * A copy of what is given as metadata: nobody else changes it afterwards.
 *
 * @throws RegistryError `REGISTRY_INVALID`
 */
export function metadataOf(value: unknown, field = 'metadata'): Metadata {
  const { metadataMaxEntries, metadataValueMaxChars } = registryLimits
  const entries = Object.entries(objectOf(value, field))
  if (entries.length > metadataMaxEntries) {
    refuse(field, `must have at most ${metadataMaxEntries} entries, got ${entries.length}`)
  }
  return Object.fromEntries(
    entries.map(([key, entry]) => {
      checkEntryKey(key, field)
      return [key, textOf(entry, `${field}.${key}`, metadataValueMaxChars)]
    }),
  )
}

/** Keys by which a careless reader would reach or change what all objects share. */
const treacherousKeys: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])

/** The key of an entry of metadata or extensions. @throws RegistryError `REGISTRY_INVALID` */
export function checkEntryKey(key: string, field: string): void {
  if (treacherousKeys.has(key)) refuse(field, `must not have the key ${key}`)
  if (key.length === 0) refuse(field, 'must not have an empty key')
  textOf(key, `key of ${field}`, registryLimits.metadataKeyMaxChars)
}

/**
 * A copy of a JSON value, of which nobody else holds a part. It is walked no further than its bound allows.
 *
 * @throws RegistryError `REGISTRY_INVALID` when it is none, too deep or too large
 */
export function jsonOf(value: unknown, field: string): JsonValue {
  checkJson(value, { field, depth: 0, bytesLeft: { count: registryLimits.extensionsMaxBytes } })
  // Defines keys instead of assigning them: even `__proto__` in the depth is a key like others afterwards.
  return JSON.parse(JSON.stringify(value)) as JsonValue
}

interface JsonPlace {
  readonly field: string
  readonly depth: number
  /** An upper bound, shared by the whole walk: every value and key takes a byte at least. */
  readonly bytesLeft: { count: number }
}

function checkJson(value: unknown, { field, depth, bytesLeft }: JsonPlace): void {
  bytesLeft.count -= typeof value === 'string' ? value.length + 2 : 1
  if (bytesLeft.count < 0)
    refuse(field, `must take at most ${registryLimits.extensionsMaxBytes} bytes as JSON`)
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) refuse(field, `must be JSON, got ${value}`)
    return
  }
  if (!Array.isArray(value) && !isPlainObject(value)) refuse(field, `must be JSON, got ${kindOf(value)}`)
  const { extensionsMaxDepth } = registryLimits
  if (depth === extensionsMaxDepth) refuse(field, `must not be nested more than ${extensionsMaxDepth} deep`)
  const inner = { field, depth: depth + 1, bytesLeft }
  if (Array.isArray(value)) {
    for (const item of value as readonly unknown[]) checkJson(item, inner) // holes count as undefined: no JSON
    return
  }
  for (const key of Object.keys(value)) {
    bytesLeft.count -= key.length + 3
    checkJson(value[key], inner)
  }
}

function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false
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
