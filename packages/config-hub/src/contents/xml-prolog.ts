import { refuseAt } from './fault.js'
import { matchAt, name, space } from './xml-parts.ts'

// Source: XML 1.0, fifth edition, productions 17 (PITarget), 23 to 26 (XMLDecl), 28 (doctypedecl), 32 (SDDecl), 75 (ExternalID), 80 and
// 81 (EncodingDecl).

const equals = `${space}*=${space}*`
const instruction = new RegExp(`<\\?(${name})(?=${space}|\\?>)`, 'uy')
const declaration = new RegExp(
  `<\\?xml${space}+version${equals}${quoted('1\\.[0-9]+')}` +
    `(?:${space}+encoding${equals}${quoted('[A-Za-z][A-Za-z0-9._\\-]*')})?` +
    `(?:${space}+standalone${equals}${quoted('(?:yes|no)')})?${space}*\\?>`,
  'uy',
)
const literal = `(?:"[^"]*"|'[^']*')`
const externalId = `(?:SYSTEM|PUBLIC${space}+${literal})${space}+${literal}`
const doctype = new RegExp(`<!DOCTYPE${space}+${name}(?:${space}+${externalId})?${space}*`, 'uy')
const doctypeEnd = new RegExp(`${space}*>`, 'uy')

/** Checks how an instruction begins; one that looks like the declaration, as a whole. @throws ContentFault */
export function checkInstruction(
  content: string,
  { start, isFirst }: { readonly start: number; readonly isFirst: boolean },
): void {
  const [, target] = matchAt(instruction, content, start) ?? []
  if (target === undefined) refuseAt(content, start, 'an instruction begins with a name')
  if (target.toLowerCase() !== 'xml') return
  if (!isFirst) refuseAt(content, start, 'the declaration stands at the very beginning')
  if (matchAt(declaration, content, start) !== null) return
  refuseAt(content, start, 'the declaration has a version, then maybe an encoding, then maybe standalone')
}

/** @returns where the bracket stands in which it declares things, or what ends it @throws ContentFault */
export function readDoctype(content: string, start: number): number {
  const [opening] = matchAt(doctype, content, start) ?? []
  if (opening === undefined) refuseAt(content, start, 'a DOCTYPE has a space, and the name of the element')
  return start + opening.length
}

/** @param offset behind what the DOCTYPE declares @returns what is behind it @throws ContentFault */
export function readDoctypeEnd(content: string, offset: number): number {
  const [ending] = matchAt(doctypeEnd, content, offset) ?? []
  if (ending === undefined) refuseAt(content, offset, 'the end of the DOCTYPE is expected')
  return offset + ending.length
}

function quoted(pattern: string): string {
  return `(?:"${pattern}"|'${pattern}')`
}
