import { Composer, type CST, type Document, Lexer, Parser, Schema } from 'yaml'
import { ContentError } from '../errors.ts'
import { configLimits } from '../limits.ts'
import { placeAt, refuseAt, tooDeep } from './place.ts'
import { checkNodes } from './yaml-nodes.ts'

/**
 * Documents of YAML 1.2, or of what version they say. What tags mean is not looked at: whose they are knows that.
 *
 * @throws ContentError
 */
export function checkYaml(content: string): void {
  const composer = createComposer(content)
  for (const token of tokens(content)) {
    if (token.type === 'error') refuseAt(content, token.offset, reasonOf(token.message))
    for (const document of composer.next(token)) checkDocument(content, document)
  }
  // An end that is forced says as well whether directives stand without a document.
  for (const document of composer.end(true, content.length)) checkDocument(content, document)
}

function checkDocument(content: string, { errors, contents }: Document.Parsed): void {
  const [first] = errors
  if (first !== undefined) refuseAt(content, first.pos[0], reasonOf(first.message))
  checkNodes(content, contents)
}

/**
 * The first of the steps of the library's own `parseAllDocuments`, but that the depth is looked at while it grows: what composes the nodes
 * goes into it with the stack.
 */
function* tokens(content: string): Generator<CST.Token> {
  const parser = new Parser()
  let count = 0
  for (const lexeme of new Lexer().lex(content)) {
    if (++count > configLimits.yamlMaxTokens) refuseAt(content, parser.offset, tooMany)
    yield* parser.next(lexeme)
    if (depthOf(parser) > configLimits.contentMaxDepth) refuseAt(content, parser.offset, tooDeep)
  }
  yield* parser.end()
}

const tooMany = `must have at most ${configLimits.yamlMaxTokens} words, marks, spaces and line ends`

function createComposer(content: string): Composer {
  const composer = new Composer({
    // Shared by all documents, of which there may be many. Tags that the library knows, it would resolve, which for some takes long.
    schema: new Schema({ schema: 'core', resolveKnownTags: false }),
    strict: true,
    // The library compares each name in a mapping with all others: checkNodes does it.
    uniqueKeys: false,
    prettyErrors: false,
  })
  const refusal = createRefusal(content)
  // The composer collects errors, and makes them at some cost: a content may be nothing but errors. The first one shall be the last.
  Reflect.set(composer, 'onError', refusal)
  return composer
}

/** Where the composer says an error is: an offset, a range, or a token. */
type ErrorSource = number | readonly number[] | { readonly offset: number }

type ErrorListener = (source: ErrorSource, code: string, message: string, isWarning?: boolean) => void

function createRefusal(content: string): ErrorListener {
  let first: ContentError | undefined
  return (source, _code, message, isWarning = false) => {
    if (isWarning) return
    // What it throws is caught by the composer in the depth, and comes again, as another one.
    first ??= new ContentError(reasonOf(message), placeAt(content, offsetOf(source)))
    throw first
  }
}

function offsetOf(source: ErrorSource): number {
  if (typeof source === 'number') return source
  return 'offset' in source ? source.offset : (source[0] ?? 0)
}

/** The library's reason, without what it quotes after a colon. */
function reasonOf(message: string): string {
  return message.replace(/(?<=\w): .*$/s, '').slice(0, 200)
}

/** Mappings and sequences that are open. */
function depthOf({ stack }: Parser): number {
  // Below them is the document. Nearly all contents need no better look.
  if (stack.length - 1 <= configLimits.contentMaxDepth) return 0
  return stack.filter(({ type }) => collections.has(type)).length
}

const collections: ReadonlySet<string> = new Set(['block-map', 'block-seq', 'flow-collection'])
