import { arrayOf, objectOf, refuse, textOf } from './fields.ts'
import { registryLimits } from './limits.ts'
import type { InstanceKey, ServiceKey } from './model.ts'

/** What names are made of: what stands in URLs and labels of metrics without much ado. */
const nameChars = /^[\w\-./:]*$/

/** Controls, and what ends a line. */
const unprintable = /[\p{Control}\p{Line_Separator}\p{Paragraph_Separator}]/u

/** `.` and `..` mean something else in paths, and are lost on their way through a client's URL. */
const onlyDots = /^\.+$/

/** @throws RegistryError `REGISTRY_INVALID` */
export function checkNamespaceName(name: unknown): asserts name is string {
  checkName(name, 'namespace', registryLimits.namespaceMaxChars)
}

/** @throws RegistryError `REGISTRY_INVALID` */
export function checkServiceKey(key: unknown): asserts key is ServiceKey {
  const { namespace, service } = keyOf(key)
  checkNamespaceName(namespace)
  checkName(service, 'service', registryLimits.serviceMaxChars)
}

/** @throws RegistryError `REGISTRY_INVALID` */
export function checkInstanceKey(key: unknown): asserts key is InstanceKey {
  checkServiceKey(key)
  const id = printableOf(keyOf(key)['id'], 'id', registryLimits.idMaxChars)
  if (onlyDots.test(id)) refuse('id', 'must not be only dots')
}

/** A text of at least one character on one line. @throws RegistryError `REGISTRY_INVALID` */
export function printableOf(value: unknown, field: string, maxChars: number): string {
  const text = textOf(value, field, maxChars)
  if (text.length === 0) refuse(field, 'must not be empty')
  if (unprintable.test(text)) refuse(field, 'must have no control characters or line ends')
  return text
}

/** Namespaces, or `*`, each once. @throws RegistryError `REGISTRY_INVALID` */
export function exportToOf(value: unknown): readonly string[] {
  const { exportToMaxNames, namespaceMaxChars } = registryLimits
  const names = arrayOf(value, 'exportTo')
  if (names.length > exportToMaxNames) {
    refuse('exportTo', `must have at most ${exportToMaxNames} names, got ${names.length}`)
  }
  const checked = names.map((name) => {
    if (name !== '*') checkName(name, 'exportTo', namespaceMaxChars)
    return name
  })
  return [...new Set(checked)]
}

function checkName(name: unknown, field: string, maxChars: number): asserts name is string {
  const text = textOf(name, field, maxChars)
  if (text.length === 0) refuse(field, 'must not be empty')
  if (!nameChars.test(text))
    refuse(field, 'must have only letters, digits and - . / : _, got another character')
  if (onlyDots.test(text)) refuse(field, 'must not be only dots')
}

/** Keys are often read off something larger, such as an instance: any object will do. */
function keyOf(key: unknown): Readonly<Record<string, unknown>> {
  if (typeof key === 'object' && key !== null) return key as Readonly<Record<string, unknown>>
  return objectOf(key, 'key')
}
