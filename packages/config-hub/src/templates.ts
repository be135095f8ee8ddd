import type { KeyValue } from '@orrery/mvcc'
import { decodeTemplate, encodeTemplate } from './codec.ts'
import type { CallOptions, Slice, SliceRequest, WriteOptions } from './calls.ts'
import type { Templates, TemplateSpec } from './config-hub.ts'
import { ConfigError } from './errors.ts'
import { endOf, escapeName, filePath, unescapeName } from './keys.ts'
import type { Template } from './model.ts'
import { checkTemplateName } from './validate/names.ts'
import { checkSlice } from './validate/queries.ts'
import { toTemplateSpec } from './validate/specs.ts'
import {
  type RecordChange,
  type RecordPlace,
  RecordWriter,
  type RecordWriterParts,
} from './writes/record-writer.ts'

/** What templates are kept with. */
export interface TemplatesDeps extends RecordWriterParts {
  /** Unit: bytes. */
  readonly contentMaxBytes: number
  /** @throws ConfigError when the hub does not serve */
  readonly ensureOpen: () => void
}

/** Contents to begin with. They are few, and used seldom: each is read from the store when it is asked for. */
export function createTemplates(deps: TemplatesDeps): Templates {
  return new StoredTemplates(deps)
}

class StoredTemplates implements Templates {
  readonly #deps: TemplatesDeps
  readonly #records: RecordWriter

  constructor(deps: TemplatesDeps) {
    this.#deps = deps
    this.#records = new RecordWriter(deps)
  }

  async get(name: string, options: CallOptions = {}): Promise<Template | undefined> {
    this.#deps.ensureOpen()
    checkTemplateName(name)
    return await this.#read(name, options)
  }

  async list(request: SliceRequest = {}): Promise<Slice<Template>> {
    this.#deps.ensureOpen()
    const { after, limit } = checkSlice(request)
    const names = await this.#names(request)
    const rest = after === undefined ? names : names.filter((name) => name > after)
    const slice = rest.slice(0, limit)
    const items: Template[] = []
    for (const name of slice) {
      const template = await this.#read(name, request)
      if (template !== undefined) items.push(template)
    }
    return { items, next: rest.length > limit ? slice.at(-1) : undefined }
  }

  async save(name: string, spec: TemplateSpec, options: WriteOptions = {}): Promise<Template> {
    const { contentMaxBytes, ensureOpen } = this.#deps
    ensureOpen()
    checkTemplateName(name)
    const draft = toTemplateSpec(spec, contentMaxBytes)
    const decide = (kv: KeyValue | undefined, atMs: number): RecordChange<Template> => {
      const createdAtMs = (kv && this.#decode(name, kv)?.createdAtMs) ?? atMs
      const times = { createdAtMs, changedAtMs: atMs }
      return {
        value: encodeTemplate({ ...draft, ...times }),
        action: 'templateSaved',
        result: (revision) => Object.freeze({ name, ...draft, ...times, revision }),
      }
    }
    return await this.#records.write(placeOf(name), decide, options)
  }

  async delete(name: string, options: WriteOptions = {}): Promise<void> {
    this.#deps.ensureOpen()
    checkTemplateName(name)
    const decide = (kv: KeyValue | undefined): RecordChange<void> => {
      if (kv !== undefined) return { value: undefined, action: 'templateDeleted', result: () => undefined }
      throw new ConfigError('CONFIG_TEMPLATE_NOT_FOUND', `there is no template ${name}`)
    }
    await this.#records.write(placeOf(name), decide, options)
  }

  /** All names, in order: that of the keys is another one, since names are escaped there. */
  async #names({ signal }: CallOptions): Promise<readonly string[]> {
    const { store, prefix } = this.#deps
    const all = `${prefix}templates/`
    const range = { key: all, rangeEnd: endOf(all), keysOnly: true } as const
    const { kvs } = await store.range(range, { signal, serializable: true })
    const names = kvs.map(({ keyString }) =>
      this.#readable(keyString, () => nameOf(keyString.slice(all.length))),
    )
    return names.filter((name) => name !== undefined).sort()
  }

  async #read(name: string, { signal }: CallOptions): Promise<Template | undefined> {
    const { store, prefix } = this.#deps
    // Whoever wrote it has waited until this member had it.
    const kv = await store.get(prefix + placeOf(name).key, { signal, serializable: true })
    return kv && this.#decode(name, kv)
  }

  #decode(name: string, kv: KeyValue): Template | undefined {
    return this.#readable(kv.keyString, () => decodeTemplate(name, kv))
  }

  /** @returns undefined: no hub has written this */
  #readable<Result>(key: string, read: () => Result): Result | undefined {
    try {
      return read()
    } catch (error) {
      this.#deps.environment.logger.error('something in the store is not of a hub', { key, error })
      return undefined
    }
  }
}

/** @throws Error no hub writes such a key */
function nameOf(part: string): string {
  const name = unescapeName(part)
  if (escapeName(name) !== part) throw new Error('a key stands for one name, and a name has one key')
  return name
}

function placeOf(name: string): RecordPlace {
  return { key: `templates/${escapeName(name)}`, subject: filePath({ namespace: '', group: '', file: name }) }
}
