import { Composer, Lexer, Parser, Schema } from 'yaml'
import { contentMaxDepth, yamlMaxTokens } from './content-limits.js'
import { ContentFault, placeAt, refuseAt, tooDeep } from './fault.js'
import { checkNodes } from './yaml-nodes.js'

/** @import { CST, Document } from 'yaml' */

const tooMany = `must have at most ${yamlMaxTokens} words, marks, spaces and line ends`

/**
 * Documents of YAML 1.2, or of what version they say. What tags mean is not looked at: whose they are knows that.
 *
 * @param {string} content
 * @throws {ContentFault}
 */
export function checkYaml(content) {
  const composer = createComposer(content)
  for (const token of tokens(content)) {
    if (token.type === 'error') refuseAt(content, token.offset, reasonOf(token.message))
    for (const document of composer.next(token)) checkDocument(content, document)
  }
  // An end that is forced says as well whether directives stand without a document.
  for (const document of composer.end(true, content.length)) checkDocument(content, document)
}

/**
 * @param {string} content
 * @param {Document.Parsed} document
 */
function checkDocument(content, { errors, contents }) {
  const [first] = errors
  if (first !== undefined) refuseAt(content, first.pos[0], reasonOf(first.message))
  checkNodes(content, contents)
}

/**
 * The first of the steps of the library's own `parseAllDocuments`, but that the depth is looked at while it grows: what composes the nodes
 * goes into it with the stack.
 *
 * @param {string} content
 * @returns {Generator<CST.Token>}
 */
function* tokens(content) {
  const parser = new Parser()
  let count = 0
  for (const lexeme of new Lexer().lex(content)) {
    if (++count > yamlMaxTokens) refuseAt(content, parser.offset, tooMany)
    yield* parser.next(lexeme)
    if (depthOf(parser) > contentMaxDepth) refuseAt(content, parser.offset, tooDeep)
  }
  yield* parser.end()
}

/** @param {string} content */
function createComposer(content) {
  const composer = new Composer({
    // Shared by all documents, of which there may be many. Tags that the library knows, it would resolve, which for some takes long.
    schema: new Schema({ schema: 'core', resolveKnownTags: false }),
    strict: true,
    // The library compares each name in a mapping with all others: checkNodes does it.
    uniqueKeys: false,
    prettyErrors: false,
  })
  // The composer collects errors, and makes them at some cost: a content may be nothing but errors. The first one shall be the last.
  Reflect.set(composer, 'onError', createRefusal(content))
  return composer
}

/**
 * Where the composer says an error is: an offset, a range, or a token.
 *
 * @typedef {number | readonly number[] | { readonly offset: number }} ErrorSource
 */

/** @param {string} content */
function createRefusal(content) {
  /** @type {ContentFault | undefined} */
  let first
  /**
   * @param {ErrorSource} source
   * @param {string} _code
   * @param {string} message
   * @param {boolean} [isWarning]
   */
  return (source, _code, message, isWarning = false) => {
    if (isWarning) return
    // What it throws is caught by the composer in the depth, and comes again, as another one.
    first ??= new ContentFault(reasonOf(message), placeAt(content, offsetOf(source)))
    throw first
  }
}

/** @param {ErrorSource} source */
function offsetOf(source) {
  if (typeof source === 'number') return source
  return 'offset' in source ? source.offset : (source[0] ?? 0)
}

/**
 * The library's reason, without what it quotes after a colon.
 *
 * @param {string} message
 */
function reasonOf(message) {
  return message.replace(/(?<=\w): .*$/s, '').slice(0, 200)
}

/**
 * Mappings and sequences that are open.
 *
 * @param {Parser} parser
 */
function depthOf({ stack }) {
  // Below them is the document. Nearly all contents need no better look.
  if (stack.length - 1 <= contentMaxDepth) return 0
  return stack.filter(({ type }) => collections.has(type)).length
}

/** @type {ReadonlySet<string>} */
const collections = new Set(['block-map', 'block-seq', 'flow-collection'])
