import { ContentError } from '../errors.ts'
import type { ContentFormat } from '../model.ts'
import { ContentFault } from './fault.js'
import { checkJson } from './json.ts'
import { checkProperties } from './properties.ts'
import { checkToml } from './toml.js'
import { checkXml } from './xml.ts'
import { checkYaml } from './yaml.js'

/**
 * Whether a content is of its format, as those who read it later understand the format. `text` and `html` are what they are. Time is in
 * proportion to the size of the content, whatever it is made of. No message quotes more of the content than a name.
 *
 * @throws ContentError it is not: the first place where one sees it, and why
 */
export function checkContent(content: string, format: ContentFormat): void {
  try {
    checks[format](content)
  } catch (error) {
    throw error instanceof ContentFault ? new ContentError(error.message, error) : error
  }
}

const checks: Readonly<Record<ContentFormat, (content: string) => void>> = {
  text: accept,
  html: accept,
  json: checkJson,
  yaml: checkYaml,
  xml: checkXml,
  properties: checkProperties,
  toml: checkToml,
}

function accept(): void {
  // Whatever it is, it is that.
}
