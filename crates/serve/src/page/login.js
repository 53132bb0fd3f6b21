// Sends the token once; the server answers with a cookie that scripts cannot read.
const form = document.getElementById("login");
const wrong = document.getElementById("wrong");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  wrong.textContent = "";
  try {
    const answer = await fetch("/login", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ token: document.getElementById("token").value }),
    });
    if (answer.ok) {
      location.replace("/");
      return;
    }
    const { error, help } = await answer.json();
    wrong.textContent = `${error}: ${help}`;
  } catch {
    wrong.textContent = "The server does not answer.";
  }
});
