import type { ConfigErrorCode } from '../../src/errors.ts'
import type { GrayRule, ReleaseOrigin } from '../../src/model.ts'

/** A release, as somebody who has never heard of stores thinks of it. */
export interface NaiveRelease {
  readonly version: number
  readonly content: string
  readonly origin: ReleaseOrigin
  readonly encrypted: boolean
}

/** A file, thought of in the same way. */
export interface NaiveFile {
  comment: string
  encrypted: boolean
  draft: string | undefined
  latest: number
  full: NaiveRelease | undefined
  gray: (NaiveRelease & { readonly rule: GrayRule }) | undefined
  readonly history: Map<number, NaiveRelease>
}

/** What is done to a file. */
export type Operation =
  | {
      readonly type: 'save'
      readonly content?: string
      readonly comment?: string
      readonly encrypted?: boolean
    }
  | { readonly type: 'publish'; readonly content?: string; readonly encrypted?: boolean }
  | { readonly type: 'publishGray'; readonly content?: string; readonly rule: GrayRule }
  | { readonly type: 'rollback'; readonly version: number }
  | { readonly type: 'changeRule'; readonly rule: GrayRule }
  | { readonly type: 'discard' | 'delete' | 'withdraw' | 'promote' | 'stop' | 'rotate' }

/** What files are, by a description as simple as can be. */
export class NaiveFiles {
  readonly files = new Map<string, NaiveFile>()
  readonly gone = new Map<string, number>()
  readonly #keptMax: number

  constructor(keptMax: number) {
    this.#keptMax = keptMax
  }

  /** What is edited. Empty: nothing. */
  edited(name: string): string | undefined {
    const file = this.files.get(name)
    return file?.draft ?? file?.history.get(file.latest)?.content
  }

  /** @returns why it is refused; undefined: it is done */
  apply(name: string, operation: Operation): ConfigErrorCode | undefined {
    const file = this.files.get(name)
    switch (operation.type) {
      case 'save': {
        this.#save(this.#ensure(name), operation)
        return
      }
      case 'publish':
      case 'publishGray':
        return this.#publish(name, operation)
      case 'rollback':
        if (file === undefined) return 'CONFIG_RELEASE_NOT_FOUND'
        return this.#rollback(file, operation.version)
      case 'changeRule':
        if (file?.gray === undefined) return 'CONFIG_GRAY_NOT_FOUND'
        if (file.full !== undefined) file.full = this.#add(file, { ...file.full, origin: 'restate' })
        file.gray = { ...this.#add(file, { ...file.gray, origin: 'restate' }), rule: operation.rule }
        return undefined
      case 'promote':
        if (file?.gray === undefined) return 'CONFIG_GRAY_NOT_FOUND'
        file.full = { ...file.gray, origin: 'promote' }
        file.gray = undefined
        return undefined
      case 'stop':
        if (file?.gray === undefined) return 'CONFIG_GRAY_NOT_FOUND'
        file.gray = undefined
        if (file.full !== undefined) file.full = this.#add(file, { ...file.full, origin: 'restate' })
        return undefined
      case 'rotate':
        if (file === undefined) return 'CONFIG_FILE_NOT_FOUND'
        if (!file.encrypted) return 'CONFIG_INVALID'
        if (file.full !== undefined) file.full = this.#add(file, restated(file.full))
        if (file.gray !== undefined) {
          file.gray = { ...this.#add(file, restated(file.gray)), rule: file.gray.rule }
        }
        return undefined
      case 'withdraw':
        if (file === undefined) return 'CONFIG_FILE_NOT_FOUND'
        if (file.gray !== undefined) return 'CONFIG_GRAY_ACTIVE'
        if (file.full === undefined) return 'CONFIG_RELEASE_NOT_FOUND'
        file.full = undefined
        return undefined
      case 'discard':
        if (file === undefined) return 'CONFIG_FILE_NOT_FOUND'
        if (file.draft === undefined) return 'CONFIG_NO_DRAFT'
        file.draft = undefined
        return undefined
      case 'delete':
        if (file === undefined) return 'CONFIG_FILE_NOT_FOUND'
        this.files.delete(name)
        this.gone.set(name, file.latest)
        return undefined
    }
  }

  #save(file: NaiveFile, { content, comment, encrypted }: Operation & { readonly type: 'save' }): undefined {
    file.draft = content ?? file.draft
    file.comment = comment ?? file.comment
    file.encrypted = encrypted ?? file.encrypted
  }

  #publish(
    name: string,
    operation: Operation & { readonly type: 'publish' | 'publishGray' },
  ): ConfigErrorCode | undefined {
    const before = this.files.get(name)
    if (before?.gray !== undefined) return 'CONFIG_GRAY_ACTIVE'
    if (operation.content === undefined && before === undefined) return 'CONFIG_FILE_NOT_FOUND'
    const content = operation.content ?? before?.draft
    if (content === undefined) return 'CONFIG_NO_DRAFT'
    const file = this.#ensure(name)
    if (operation.type === 'publish') file.encrypted = operation.encrypted ?? file.encrypted
    file.draft = undefined
    const { encrypted } = file
    if (operation.type === 'publish') {
      file.full = this.#add(file, { content, encrypted, origin: 'publish' })
    } else {
      file.gray = { ...this.#add(file, { content, encrypted, origin: 'gray' }), rule: operation.rule }
    }
    return undefined
  }

  #rollback(file: NaiveFile, version: number): ConfigErrorCode | undefined {
    if (file.gray !== undefined) return 'CONFIG_GRAY_ACTIVE'
    const source = file.history.get(version)
    if (source === undefined) return 'CONFIG_RELEASE_NOT_FOUND'
    const encrypted = source.encrypted || file.encrypted
    file.full = this.#add(file, { content: source.content, encrypted, origin: 'rollback' })
    return undefined
  }

  #add(file: NaiveFile, { content, encrypted, origin }: Omit<NaiveRelease, 'version'>): NaiveRelease {
    const release = { version: ++file.latest, content, encrypted, origin }
    file.history.set(release.version, release)
    for (const version of file.history.keys()) {
      if (version <= file.latest - this.#keptMax) file.history.delete(version)
    }
    return release
  }

  #ensure(name: string): NaiveFile {
    const known = this.files.get(name)
    if (known !== undefined) return known
    const file: NaiveFile = {
      ...{ comment: '', encrypted: false, draft: undefined, latest: this.gone.get(name) ?? 0 },
      ...{ full: undefined, gray: undefined, history: new Map() },
    }
    this.gone.delete(name)
    this.files.set(name, file)
    return file
  }
}

function restated(release: NaiveRelease): Omit<NaiveRelease, 'version'> {
  return { content: release.content, encrypted: true, origin: 'restate' }
}
