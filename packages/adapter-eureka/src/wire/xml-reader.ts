import { XMLParser } from 'fast-xml-parser'
import { type Fields, isFields } from './field-reader.ts'
import type { InstanceInfo } from './instance-info.ts'
import { readInstanceFields } from './instance-reader.ts'
import { refuseBody } from './refuse.ts'
import { guardXml } from './xml-guard.ts'
import { decodeXmlText, fromXmlName } from './xml-text.ts'

/**
 * Reads the body of a registration in XML: the element `instance`. Entities and document types are refused, values
 * are texts with their white space, elements that are not known are ignored, and of several with one
 * name the last counts. What it tolerates besides and what it defaults to, see `readInstanceFields`.
 *
 * @throws EurekaError `EUREKA_BODY_INVALID`, `EUREKA_BODY_TOO_LARGE`
 */
export function readInstanceXml(text: string): InstanceInfo {
  const [root] = elementsOf(parse(guardXml(text)))
  if (root?.name !== 'instance') refuseBody('xml', 'is not an element instance')
  return readInstanceFields(instanceFields(root))
}

interface XmlElement {
  readonly name: string
  readonly attributes: Fields
  readonly nodes: readonly unknown[]
}

/** Begins no name in XML, so that no element can be mistaken for a property of JavaScript. */
const namePrefix = '.'

function parse(text: string): unknown {
  const parser = new XMLParser({
    preserveOrder: true,
    ignoreAttributes: false,
    attributeNamePrefix: namePrefix,
    transformTagName: (name) => (name.startsWith(namePrefix) ? name : namePrefix + name),
    cdataPropName: '#cdata',
    parseTagValue: false,
    parseAttributeValue: false,
    trimValues: false,
    // References are decoded here, so that those in CDATA stay and those that are wrong are refused.
    processEntities: false,
    jPath: false,
  })
  try {
    return parser.parse(text)
  } catch (error) {
    return refuseBody('xml', 'cannot be parsed', error)
  }
}

/** The object that the same instance would be in JSON. */
function instanceFields(root: XmlElement): Fields {
  return fieldsOf(root, {
    port: portFields,
    securePort: portFields,
    leaseInfo: (lease) => fieldsOf(lease, {}),
    metadata: (metadata) => fieldsOf(metadata, {}),
    dataCenterInfo: (dataCenter) => ({
      ...fieldsOf(dataCenter, { metadata: (metadata) => fieldsOf(metadata, {}) }),
      '@class': attributeOf(dataCenter, 'class'),
    }),
  })
}

function portFields(port: XmlElement): Fields {
  return { $: textOf(port), '@enabled': attributeOf(port, 'enabled') }
}

type Readers = Readonly<Record<string, (element: XmlElement) => unknown>>

/** The elements in an element by their names; those without a reader of their own are texts. */
function fieldsOf(element: XmlElement, readers: Readers): Fields {
  return Object.fromEntries(
    elementsOf(element.nodes).map((child) => {
      const name = fromXmlName(child.name)
      const read = Object.hasOwn(readers, name) ? readers[name] : undefined
      return [name, (read ?? textOf)(child)]
    }),
  )
}

/** The text of an element; undefined, as which nothing is read, when there are elements in it. */
function textOf({ nodes }: XmlElement): unknown {
  let text = ''
  for (const node of nodes) {
    if (!isFields(node)) continue
    if (typeof node['#text'] === 'string') text += decodeXmlText(node['#text'])
    else if (Array.isArray(node['#cdata'])) text += cdataOf(node['#cdata'])
    else return nodes
  }
  return text
}

function cdataOf(nodes: readonly unknown[]): string {
  const [node] = nodes
  return isFields(node) && typeof node['#text'] === 'string' ? node['#text'] : ''
}

function attributeOf({ attributes }: XmlElement, name: string): string | undefined {
  const value = attributes[namePrefix + name]
  return typeof value === 'string' ? decodeXmlText(value) : undefined
}

/** The parser gives a list of objects, each with one key for a text or an element, and its attributes under `:@`. */
function elementsOf(nodes: unknown): XmlElement[] {
  if (!Array.isArray(nodes)) return []
  return nodes.flatMap((node: unknown) => {
    if (!isFields(node)) return []
    const key = Object.keys(node).find((candidate) => candidate.startsWith(namePrefix))
    const children = key === undefined ? undefined : node[key]
    if (key === undefined || !Array.isArray(children)) return []
    const attributes = isFields(node[':@']) ? node[':@'] : {}
    return [{ name: key.slice(namePrefix.length), attributes, nodes: children }]
  })
}
