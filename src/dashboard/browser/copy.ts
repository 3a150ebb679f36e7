/** Shows the buttons that copy, which are hidden because they need JavaScript. */
export function offerCopies(root: ParentNode): void {
  for (const button of root.querySelectorAll<HTMLButtonElement>('.copyable button[hidden]')) {
    button.hidden = false;
    button.addEventListener('click', () => void copy(button));
  }
}

async function copy(button: HTMLButtonElement): Promise<void> {
  const value = button.parentElement?.querySelector('code')?.textContent ?? '';
  await navigator.clipboard.writeText(value);
  const label = button.textContent;
  button.textContent = button.dataset.copied ?? label;
  setTimeout(() => {
    button.textContent = label;
  }, 2_000);
}
