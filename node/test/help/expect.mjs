// What the cases of `tests/conformance` expect: see the page there. Names are `snake_case` in the cases and `camelCase` here.

/** `message_id` becomes `messageId`. */
export const camel = (name) => name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase())

const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value)

const KINDS = {
  string: (value) => typeof value === 'string',
  number: (value) => typeof value === 'number',
  boolean: (value) => typeof value === 'boolean',
  null: (value) => value === null,
  object: isObject,
  array: Array.isArray,
}

/** Whether a value is as expected. */
export function matches(wanted, found) {
  if (Array.isArray(wanted)) {
    return Array.isArray(found) && found.length === wanted.length && wanted.every((one, at) => matches(one, found[at]))
  }
  if (!isObject(wanted)) return wanted === found
  if ('$some' in wanted) return Array.isArray(found) && wanted.$some.every((one) => found.some((other) => matches(one, other)))
  if ('$has' in wanted) return typeof found === 'string' && found.includes(wanted.$has)
  if ('$type' in wanted) return KINDS[wanted.$type](found)
  return (
    isObject(found) &&
    Object.entries(wanted).every(([name, value]) => {
      const mine = name in found ? name : camel(name)
      return mine in found && matches(value, found[mine])
    })
  )
}

/** The first that does not come in its turn. */
export function missing(wanted, found) {
  let at = 0
  for (const one of wanted) {
    while (at < found.length && !matches(one, found[at])) at++
    if (at++ >= found.length) return one
  }
  return undefined
}
