/** Which names stand for secrets: of environment variables, of fields, of headers. */

/** `openAiApiKey`, `OPENAI_API_KEY` and `openai-api-key` are one name. */
const snake = (name: string): string =>
  name
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replace(/([A-Z])([A-Z][a-z])/g, "$1_$2")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_")

const anywhere = /password|passwd|passphrase/
const atTheEnd =
  /(?:^|_)(?:pwd|secrets?|token|api_?key|access_?key|private_?key|secret_?key|encryption_?key|signing_?key|client_?secret|credentials?|authorization|proxy_?authorization|auth|cookie|pat)_?$/

/** Whether what stands under `name` is to be hidden. `token` is one, `max_tokens` and `token_count` are not. */
export const isSecretName = (name: string): boolean => {
  if (name.length > 256) return false
  const words = snake(name)
  return anywhere.test(words) || atTheEnd.test(words)
}
