import type { FileQuery, Files, Releases } from '../../src/config-hub.ts'
import { ConfigError, type ConfigErrorCode } from '../../src/errors.ts'
import { filePath } from '../../src/keys.ts'
import type { ConfigFile, FileKey, FileSpec, ReleaseInfo } from '../../src/model.ts'

interface Kept {
  readonly file: ConfigFile
  readonly content: string | undefined
  readonly secret: Secret
}

/** What of a file stands encrypted. */
interface Secret {
  /** What everybody sees. */
  readonly released?: boolean
  /** A release of it that is no more. */
  readonly history?: boolean
  /** What is read as its draft. */
  readonly draft?: boolean
}

/** Files in a map, with revisions and their conditions; what else a hub does, it does not. */
export class FakeFiles implements Pick<Files, 'get' | 'list' | 'draft' | 'save'>, Pick<Releases, 'history'> {
  readonly queries: FileQuery[] = []
  readonly saves: { key: FileKey; spec: FileSpec; options: Parameters<Files['save']>[2] }[] = []
  total: number | undefined
  readonly #kept = new Map<string, Kept>()
  readonly #hooks = new Map<string, () => void>()
  readonly #failures = new Map<string, ConfigErrorCode>()
  #revision = 0

  /** A file `n/g/<name>`. */
  put(
    name: string,
    content: string | undefined,
    changes: Partial<ConfigFile> = {},
    secret: Secret = {},
  ): void {
    const key = { namespace: 'n', group: 'g', file: name }
    const release = secret.released === true ? { ...noRelease, encrypted: true } : undefined
    this.#set(key, { ...emptyFile, hasDraft: false, ...key, release, ...changes }, content, secret)
  }

  /** Once, when somebody saves the file `n/g/<name>`. */
  beforeSave(name: string, hook: () => void): void {
    this.#hooks.set(name, hook)
  }

  failSave(name: string, code: ConfigErrorCode): void {
    this.#failures.set(`save ${name}`, code)
  }

  failDraft(name: string, code: ConfigErrorCode): void {
    this.#failures.set(`draft ${name}`, code)
  }

  contents(): Record<string, string | undefined> {
    return Object.fromEntries([...this.#kept.values()].map(({ file, content }) => [file.file, content]))
  }

  get(key: FileKey): ConfigFile | undefined {
    return this.#kept.get(filePath(key))?.file
  }

  list(query: FileQuery = {}) {
    this.queries.push(query)
    const items = [...this.#kept.values()].map(({ file }) => file)
    return { items, total: this.total ?? items.length }
  }

  async draft(key: FileKey) {
    await Promise.resolve()
    this.#fail(`draft ${key.file}`)
    const { content, secret } = this.#kept.get(filePath(key)) ?? {}
    return content === undefined
      ? undefined
      : { ...key, content, md5: '', releasedAs: undefined, encrypted: secret?.draft === true }
  }

  async save(key: FileKey, spec: FileSpec, options: Parameters<Files['save']>[2] = {}) {
    await Promise.resolve()
    const hook = this.#hooks.get(key.file)
    this.#hooks.delete(key.file)
    hook?.()
    this.#fail(`save ${key.file}`)
    const existing = this.get(key)
    if (options.ifRevision !== undefined && options.ifRevision !== (existing?.revision ?? 0)) {
      throw new ConfigError('CONFIG_CONFLICT', 'it is at another revision')
    }
    this.saves.push({ key, spec, options })
    return this.#set(key, { ...emptyFile, ...existing, ...key }, spec.content)
  }

  async history(key: FileKey) {
    await Promise.resolve()
    const secret = this.#kept.get(filePath(key))?.secret.history === true
    return { items: secret ? [{ ...noRelease, encrypted: true }] : [], next: undefined }
  }

  #set(key: FileKey, file: Omit<ConfigFile, 'revision'>, content: string | undefined, secret: Secret = {}) {
    const kept = { file: { ...file, revision: ++this.#revision }, content, secret }
    this.#kept.set(filePath(key), kept)
    return kept.file
  }

  #fail(what: string): void {
    const code = this.#failures.get(what)
    if (code !== undefined) throw new ConfigError(code, 'as the test says')
  }
}

const emptyFile: Omit<ConfigFile, 'namespace' | 'group' | 'file' | 'revision'> = {
  ...{ format: 'text', comment: '', tags: {}, encrypted: false, hasDraft: true, latestVersion: 0 },
  ...{ release: undefined, gray: undefined, createdAtMs: 0, changedAtMs: 0 },
}

const noRelease: ReleaseInfo = {
  ...{
    version: 1,
    name: 'v1',
    md5: '',
    sizeBytes: 0,
    format: 'text',
    tags: {},
    comment: '',
    encrypted: false,
  },
  ...{ origin: 'publish', from: undefined, releasedAtMs: 0, actor: '', reason: '' },
}
