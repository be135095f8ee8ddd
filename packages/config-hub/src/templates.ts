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

  async get(name: string, { signal }: CallOptions = {}): Promise<Template | undefined> {
    const { store, prefix, ensureOpen } = this.#deps
    ensureOpen()
    checkTemplateName(name)
    // Whoever wrote it has waited until this member had it.
    const kv = await store.get(prefix + placeOf(name).key, { signal, serializable: true })
    return kv && decodeTemplate(name, kv)
  }

  async list(request: SliceRequest = {}): Promise<Slice<Template>> {
    const { store, prefix, ensureOpen } = this.#deps
    ensureOpen()
    const { after, limit } = checkSlice(request)
    const all = `${prefix}templates/`
    const { kvs, more } = await store.range(
      { key: after === undefined ? all : `${all}${escapeName(after)}\0`, rangeEnd: endOf(all), limit },
      { signal: request.signal, serializable: true },
    )
    const items = kvs.map((kv) => decodeTemplate(unescapeName(kv.keyString.slice(all.length)), kv))
    return { items, next: more ? items.at(-1)?.name : undefined }
  }

  async save(name: string, spec: TemplateSpec, options: WriteOptions = {}): Promise<Template> {
    const { contentMaxBytes, ensureOpen } = this.#deps
    ensureOpen()
    checkTemplateName(name)
    const draft = toTemplateSpec(spec, contentMaxBytes)
    const decide = (kv: KeyValue | undefined, atMs: number): RecordChange<Template> => {
      const createdAtMs = kv === undefined ? atMs : decodeTemplate(name, kv).createdAtMs
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
}

function placeOf(name: string): RecordPlace {
  return { key: `templates/${escapeName(name)}`, subject: filePath({ namespace: '', group: '', file: name }) }
}
