import type { Compare } from '@orrery/store'
import type { StoredValue } from '../codec.ts'
import { RegistryError } from '../errors.ts'
import { endOf } from '../keys.ts'
import type { WriteOptions } from '../registry.ts'

/** There is no such key. */
export function isAbsent(key: string): Compare {
  return { key, target: 'createRevision', result: 'equal', value: 0 }
}

/** No key begins like this. @param prefix ends with a slash */
export function isEmpty(prefix: string): Compare {
  return { ...isAbsent(prefix), rangeEnd: endOf(prefix) }
}

/** There is such a key. */
export function isPresent(key: string): Compare {
  return { key, target: 'createRevision', result: 'notEqual', value: 0 }
}

/** The key has not been written since it was read. */
export function isAt(key: string, { modRevision }: Pick<StoredValue, 'modRevision'>): Compare {
  return { key, target: 'modRevision', result: 'equal', value: modRevision }
}

/** @throws RegistryError `REGISTRY_CONFLICT`: what was read is not what the caller has seen */
export function requireRevision({ ifRevision }: WriteOptions, { modRevision }: StoredValue): void {
  if (ifRevision === undefined || ifRevision === modRevision) return
  throw new RegistryError('REGISTRY_CONFLICT', `it is at revision ${modRevision}, not at ${ifRevision}`)
}
