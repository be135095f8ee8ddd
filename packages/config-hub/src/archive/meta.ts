import { hasCode } from '@orrery/environment'
import { configLimits } from '../limits.ts'
import { arrayOf, flagOf, formatOf, objectOf, textOf } from '../validate/fields.ts'
import { tagsOf } from '../validate/specs.ts'
import { type ArchivedFile, refuseArchive } from './archived-file.ts'
import { checkedKey, metaName } from './entry-name.ts'

/** Of the layout that is written here. Others are refused. */
const layoutVersion = 1

const md5Form = /^[\da-f]{32}$/

/** What `META.json` says of a file: all but the content. */
export interface FileMeta extends Omit<ArchivedFile, 'content'> {
  /** Of the content as UTF-8. Undefined: whoever edited the content took it out. */
  readonly md5: string | undefined
}

/** The text of a `META.json`. */
export function encodeMeta(files: readonly FileMeta[]): string {
  const described = files.map(({ key, ...file }) => {
    const { format, comment, tags, encrypted, md5 } = file
    return { ...key, format, comment, tags, encrypted, md5 }
  })
  return `${JSON.stringify({ layout: layoutVersion, files: described }, undefined, 2)}\n`
}

/**
 * What a `META.json` says. Fields that are not known are those of somebody else.
 *
 * @throws ConfigError `CONFIG_ARCHIVE_INVALID`
 */
export function decodeMeta(text: string): readonly FileMeta[] {
  try {
    const { layout, files } = objectOf(JSON.parse(text), 'META')
    if (layout !== layoutVersion) refuseArchive(`${metaName}: layout must be ${layoutVersion}`)
    const bounds = { min: 0, max: configLimits.archiveMaxFiles }
    return arrayOf(files, 'files', bounds).map((file, index) => fileOf(file, `files[${index}]`))
  } catch (error) {
    if (error instanceof SyntaxError) refuseArchive(`${metaName} is no JSON`, { cause: error })
    if (hasCode(error, 'CONFIG_INVALID')) refuseArchive(`${metaName}: ${error.message}`, { cause: error })
    throw error
  }
}

function fileOf(value: unknown, field: string): FileMeta {
  const { format, comment, tags, encrypted, md5, ...names } = objectOf(value, field)
  if (md5 !== undefined && !(typeof md5 === 'string' && md5Form.test(md5))) {
    refuseArchive(`${metaName}: ${field}.md5 must be 32 hexadecimal digits in lower case`)
  }
  return {
    key: checkedKey(metaName, names),
    format: format === undefined ? undefined : formatOf(format, `${field}.format`),
    comment:
      comment === undefined ? undefined : textOf(comment, `${field}.comment`, configLimits.commentMaxChars),
    tags: tags === undefined ? undefined : tagsOf(tags, `${field}.tags`),
    encrypted: encrypted === undefined ? undefined : flagOf(encrypted, `${field}.encrypted`),
    md5,
  }
}
