/**
 * The local stack cannot start, and the person at the terminal can do something about it: the message says what.
 * Print the message alone, without a stack.
 */
export class StartError extends Error {
  override name = 'StartError'
}
