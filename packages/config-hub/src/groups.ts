import type { KeyValue } from '@orrery/mvcc'
import { decodeGroup, encodeGroup } from './codec.ts'
import type { WriteOptions } from './calls.ts'
import type { Groups } from './config-hub.ts'
import { ConfigError } from './errors.ts'
import { endOf, groupPath } from './keys.ts'
import type { Group, GroupKey, GroupSpec } from './model.ts'
import { checkGroupKey } from './validate/names.ts'
import { type GroupDraft, toGroup } from './validate/specs.ts'
import { isAbsent } from './writes/file-batch.ts'
import { groupSubject } from './writes/group-creation.ts'
import {
  type RecordChange,
  type RecordPlace,
  RecordWriter,
  type RecordWriterParts,
} from './writes/record-writer.ts'

/**
 * Writes groups, one txn each: a file that is created meanwhile stands in a txn of its own, so that of a deletion of the group and a
 * file that needs it, the store lets only the first one through.
 */
export class GroupWriter implements Pick<Groups, 'create' | 'update' | 'delete'> {
  readonly #parts: RecordWriterParts
  readonly #records: RecordWriter

  constructor(parts: RecordWriterParts) {
    this.#parts = parts
    this.#records = new RecordWriter(parts)
  }

  async create(key: GroupKey, spec: GroupSpec = {}, options: WriteOptions = {}): Promise<Group> {
    const draft = toGroup(key, spec)
    const decide = (kv: KeyValue | undefined, atMs: number): RecordChange<Group> => {
      if (kv === undefined) {
        return put(draft, { createdAtMs: atMs, changedAtMs: atMs }, 'groupCreated')
      }
      throw new ConfigError('CONFIG_GROUP_EXISTS', `there is a group ${nameOf(key)} already`)
    }
    return await this.#records.write(placeOf(key), decide, options)
  }

  async update(key: GroupKey, changes: GroupSpec, options: WriteOptions = {}): Promise<Group> {
    // What is wrong with it is said before anything is read, and what is given is not looked at again.
    const { namespace, group, ...checked } = toGroup(key, changes)
    const given = Object.fromEntries(
      Object.entries(checked).filter(([name]) => changes[name as keyof GroupSpec] !== undefined),
    ) as Partial<typeof checked>
    const decide = (kv: KeyValue | undefined, atMs: number): RecordChange<Group> => {
      if (kv === undefined) throw groupNotFound(key)
      const { createdAtMs, comment, business, department, metadata } = decodeGroup(groupPath(key), kv)
      const before = { comment, business, department, metadata }
      const draft = { namespace, group, ...before, ...given }
      return put(draft, { createdAtMs, changedAtMs: atMs }, 'groupChanged')
    }
    return await this.#records.write(placeOf(key), decide, options)
  }

  async delete(key: GroupKey, options: WriteOptions = {}): Promise<void> {
    checkGroupKey(key)
    const { prefix, store } = this.#parts
    const files = `${prefix}live/files/${groupPath(key)}/`
    const range = { key: files, rangeEnd: endOf(files) }
    const decide = async (kv: KeyValue | undefined): Promise<RecordChange<void>> => {
      if (kv === undefined) throw groupNotFound(key)
      const { count } = await store.range({ ...range, countOnly: true }, { signal: options.signal })
      if (count > 0) {
        throw new ConfigError('CONFIG_GROUP_IN_USE', `the group ${nameOf(key)} still has ${count} files`)
      }
      return {
        value: undefined,
        conditions: [{ ...isAbsent(files), ...range }],
        action: 'groupDeleted',
        result: () => undefined,
      }
    }
    await this.#records.write(placeOf(key), decide, options)
  }
}

/** There is no such group. */
export function groupNotFound(key: GroupKey): ConfigError {
  return new ConfigError('CONFIG_GROUP_NOT_FOUND', `there is no group ${nameOf(key)}`)
}

function put(
  draft: GroupDraft,
  times: Pick<Group, 'createdAtMs' | 'changedAtMs'>,
  action: 'groupCreated' | 'groupChanged',
): RecordChange<Group> {
  return {
    value: encodeGroup({ ...draft, ...times, revision: 0 }),
    action,
    result: (revision) => Object.freeze({ ...draft, ...times, revision }),
  }
}

function placeOf(key: GroupKey): RecordPlace {
  const path = groupPath(key)
  return { key: `live/groups/${path}`, subject: groupSubject(path) }
}

function nameOf({ namespace, group }: GroupKey): string {
  return `${namespace}/${group}`
}
