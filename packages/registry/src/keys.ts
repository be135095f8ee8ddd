import type { InstanceKey, ServiceKey } from './model.ts'

/**
 * Where things stand in the store, below the registry's prefix:
 *
 * ```text
 * namespaces/<namespace>
 * services/<namespace>/<service>
 * instances/<namespace>/<service>/<id>
 * removals/<namespace>/<service>         why the last instances of a service went: its revision is that of the last removal
 * aliases/<namespace>/<service>/<namespace>/<service>   who stands for a service: it comes first, then its alias
 * checkers/<member>                      members that check health, each under its lease
 * start/<key>/<lease>                    members that start in order, each under its lease
 * ```
 *
 * Names are escaped as parts of URLs are, so that a slash in one separates nothing.
 *
 * These are the areas that views are made of; the others are for those who write, or start.
 */
export const areas = ['namespaces', 'services', 'instances', 'removals', 'checkers'] as const

/** One of {@link areas}. */
export type Area = (typeof areas)[number]

/** Names that need no escape: nearly all. */
const plain = /^[\w.:-]*$/

/** A name as a part of a path. */
export function escapeName(name: string): string {
  return plain.test(name) ? name : encodeURIComponent(name).replaceAll('%3A', ':')
}

/** The reverse of {@link escapeName}. */
export function unescapeName(part: string): string {
  return part.includes('%') ? decodeURIComponent(part) : part
}

/** Shorter texts are copied anyway when they are cut out of a longer one. Unit: UTF-16 code units. */
const sharedMinLength = 13

/** The same text, but none that keeps alive the longer one it was cut out of: for what is kept for long. */
export function detached(text: string): string {
  return text.length < sharedMinLength ? text : Buffer.from(text).toString()
}

/** `<namespace>/<service>` */
export function servicePath({ namespace, service }: ServiceKey): string {
  return `${escapeName(namespace)}/${escapeName(service)}`
}

/** `<namespace>/<service>/<id>`: what an instance is called between members. */
export function instancePath({ namespace, service, id }: InstanceKey): string {
  return `${escapeName(namespace)}/${escapeName(service)}/${escapeName(id)}`
}

/** `aliases/<namespace>/<service>/`: below it, the aliases of a service. */
export function aliasesPath(target: ServiceKey): string {
  return `aliases/${servicePath(target)}/`
}

/** Where it stands that one service is an alias of another. */
export function aliasPath(target: ServiceKey, alias: ServiceKey): string {
  return aliasesPath(target) + servicePath(alias)
}

/** The names in a path. */
export function namesOf(path: string): string[] {
  return path.split('/').map(unescapeName)
}

/** The end of the range of keys that begin with a prefix that ends with a slash. */
export function endOf(prefix: string): string {
  return `${prefix.slice(0, -1)}0`
}
