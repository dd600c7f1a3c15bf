/** Lines of a prompt that are shown unasked. */
const shortPrompt = 8;

export function Prompt({ text }: { text: string }) {
  return (
    <details className="prompt" open={text.split('\n').length <= shortPrompt}>
      <summary>Prompt</summary>
      <pre>{text}</pre>
    </details>
  );
}
