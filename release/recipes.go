package main

import (
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"tssh/proxy/terms"
)

// nowhere is the home of a release that has none yet: a name that is never
// anybody's (RFC 2606). Whoever publishes one says -home.
const nowhere = "https://example.invalid/tssh"

// checkHome refuses what would break the recipes, which quote it each in its way.
func checkHome(home string) error {
	u, err := url.Parse(home)
	if err != nil {
		return err
	}
	if u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || strings.HasSuffix(home, "/") || strings.ContainsAny(home, "\"'\\ #{}") {
		return fmt.Errorf("-home %s: an address as https://host/path is needed, below which releases/%s/ has the files", home, terms.Release)
	}
	return nil
}

// recipes are what other systems' package managers install by: each is text with
// the addresses and checksums of archives in it.
var recipes = map[string]string{
	"homebrew/tssh.rb": `class Tssh < Formula
  desc "Remote shell that outlives its network"
  homepage "{{.Home}}"
  version "{{.Version}}"
  license "MIT"
{{range $os, $name := .Brew}}
  on_{{$name}} do
    on_intel do
      url "{{url $os "amd64"}}"
      sha256 "{{sum $os "amd64"}}"
    end
    on_arm do
      url "{{url $os "arm64"}}"
      sha256 "{{sum $os "arm64"}}"
    end
  end
{{end}}
  resource "servers" do
    url "{{.Base}}/{{.Servers}}"
    sha256 "{{file .Servers}}"
  end

  def install
    bin.install "tssh"
    bin.install_symlink "tssh" => "tsshd"
    man1.install "man/man1/tssh.1"
    man5.install "man/man5/tssh_config.5"
    man8.install "man/man8/tsshd.8"
    bash_completion.install "completion/tssh.bash" => "tssh"
    zsh_completion.install "completion/_tssh"
    fish_completion.install "completion/tssh.fish"
    resource("servers").stage { (share/"tssh").install Dir["*.gz"] }
  end

  test do
    assert_match "tssh_#{version}", shell_output("#{bin}/tssh --version")
  end
end
`,
	"scoop/tssh.json": `{
    "version": "{{.Version}}",
    "description": "Remote shell that outlives its network",
    "homepage": "{{.Home}}",
    "license": "MIT",
    "architecture": {
        "64bit": {
            "url": "{{url "windows" "amd64"}}",
            "hash": "{{sum "windows" "amd64"}}"
        },
        "arm64": {
            "url": "{{url "windows" "arm64"}}",
            "hash": "{{sum "windows" "arm64"}}"
        }
    },
    "bin": ["tssh.exe", ["tssh.exe", "tsshd", "tsshd"]]
}
`,
	"winget/tssh.yaml": `PackageIdentifier: tssh.tssh
PackageVersion: {{.Version}}
DefaultLocale: en-US
ManifestType: version
ManifestVersion: 1.6.0
`,
	"winget/tssh.locale.en-US.yaml": `PackageIdentifier: tssh.tssh
PackageVersion: {{.Version}}
PackageLocale: en-US
Publisher: The tssh authors
PackageName: tssh
License: MIT
ShortDescription: Remote shell that outlives its network
ManifestType: defaultLocale
ManifestVersion: 1.6.0
`,
	"winget/tssh.installer.yaml": `PackageIdentifier: tssh.tssh
PackageVersion: {{.Version}}
InstallerType: zip
NestedInstallerType: portable
NestedInstallerFiles:
- RelativeFilePath: tssh.exe
  PortableCommandAlias: tssh
Installers:
- Architecture: x64
  InstallerUrl: {{url "windows" "amd64"}}
  InstallerSha256: {{upper (sum "windows" "amd64")}}
- Architecture: arm64
  InstallerUrl: {{url "windows" "arm64"}}
  InstallerSha256: {{upper (sum "windows" "arm64")}}
ManifestType: installer
ManifestVersion: 1.6.0
`,
}

// recipes fills them in. A part of a release, as tests make, has some only.
func (r *release) recipes() error {
	base := r.home + "/releases/" + terms.Release
	if r.home == nowhere {
		fmt.Println("no -home: the recipes for Homebrew, Scoop and winget name " + nowhere + ", where nothing is")
	}
	var missing error
	file := func(name string) string {
		data, err := os.ReadFile(filepath.Join(r.dir, name))
		if err != nil {
			missing = err
			return ""
		}
		return sum(data)
	}
	archive := func(os, arch string) string {
		ext := ".tar.gz"
		if os == "windows" {
			ext = ".zip"
		}
		return name(os, arch) + ext
	}
	for path, text := range recipes {
		t := template.Must(template.New(path).Funcs(template.FuncMap{
			"url":   func(os, arch string) string { return base + "/" + archive(os, arch) },
			"sum":   func(os, arch string) string { return file(archive(os, arch)) },
			"file":  file,
			"upper": strings.ToUpper,
		}).Parse(text))
		missing = nil
		var b strings.Builder
		err := t.Execute(&b, map[string]any{
			"Version": terms.Release, "Base": base, "Home": r.home, "Servers": name("servers") + ".tar.gz",
			"Brew": map[string]string{"darwin": "macos", "linux": "linux"},
		})
		if err != nil {
			return err
		}
		if missing != nil {
			fmt.Printf("no %s: %v\n", path, missing)
			continue
		}
		if err := r.write(path, []byte(b.String())); err != nil {
			return err
		}
	}
	return nil
}

// bill lists, as CycloneDX does, what the program is made of. All platforms'
// modules are the same but for those of a system.
func (r *release) bill(kinds []Target) error {
	type component struct {
		Type    string `json:"type"`
		Name    string `json:"name"`
		Version string `json:"version"`
		PURL    string `json:"purl,omitempty"`
	}
	seen := map[string]bool{}
	var parts []component
	for _, t := range kinds {
		info, err := buildinfo.ReadFile(r.program(t))
		if err != nil {
			return err
		}
		if len(parts) == 0 {
			version := strings.TrimPrefix(info.GoVersion, "go")
			parts = append(parts, component{"library", "std", version, "pkg:golang/std@" + version})
		}
		for _, m := range info.Deps {
			if !seen[m.Path] {
				seen[m.Path] = true
				parts = append(parts, component{"library", m.Path, m.Version, "pkg:golang/" + m.Path + "@" + m.Version})
			}
		}
	}
	text, err := json.MarshalIndent(map[string]any{
		"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
		"metadata": map[string]any{
			"timestamp": r.stamp.Format("2006-01-02T15:04:05Z"),
			"component": component{"application", "tssh", terms.Release, ""},
		},
		"components": parts,
	}, "", "  ")
	if err != nil {
		return err
	}
	return r.write(name("sbom")+".cdx.json", append(text, '\n'))
}
