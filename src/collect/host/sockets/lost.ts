/** This thread could not go back to its own network namespace: it must end, whatever waits for it. */
export class LostNamespaceError extends Error {}
