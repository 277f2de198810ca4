"""Writes an SBOM (CycloneDX 1.6, JSON) of each image: its base, the Debian packages it adds, and its Python packages.

    python -m deploy.sbom [FOLDER]      (`make sbom`; needs the packages of requirements/deploy.txt)

Read from what images are built of, the Dockerfiles and requirements/, so it can be had without building one.
What the base holds is in the base's own SBOM; what apt brings along with the packages named is known when an image is
built: `docker buildx build --sbom=true` adds both.
"""

from __future__ import annotations

import sys
from pathlib import Path

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL
from packaging.requirements import Requirement

from deploy.images import SERVICES, Image, images, pinned


def bill(image: Image) -> str:
    """The SBOM of an image. Raises ValueError when it is not what the schema asks for."""
    bom = Bom()
    bom.metadata.component = root = Component(
        name=f"babelmesh/{image.service}", version=image.tag, type=ComponentType.CONTAINER, bom_ref="image"
    )
    parts = [_base(image.base), *map(_debian_component, image.debian)]
    parts += [_python(requirement, hashes) for requirement, hashes in pinned(image.packages)]
    for part in parts:
        bom.components.add(part)
    bom.register_dependency(root, parts)
    text: str = JsonV1Dot6(bom).output_as_string(indent=2)
    if faults := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise ValueError(str(faults))
    return text


def _base(base: str) -> Component:
    name, _, digest = base.partition("@sha256:")
    title, _, tag = name.partition(":")
    return Component(
        name=title,
        version=tag,
        type=ComponentType.CONTAINER,
        bom_ref=base,
        purl=PackageURL("docker", None, title, tag),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)],
    )


def _debian_component(name: str) -> Component:
    return Component(
        name=name, bom_ref=f"deb:{name}", purl=PackageURL("deb", "debian", name, None, {"distro": "bookworm"})
    )


def _python(requirement: Requirement, hashes: list[str]) -> Component:
    pin = str(requirement.specifier).removeprefix("==")
    return Component(
        name=requirement.name,
        version=pin,
        bom_ref=f"pypi:{requirement.name}",
        purl=PackageURL("pypi", None, requirement.name, pin),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=each) for each in hashes],
    )


def main() -> None:
    """Writes them all."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "out/sbom")
    folder.mkdir(parents=True, exist_ok=True)
    for image in (image for service in SERVICES for image in images(service)):
        path = folder / f"babelmesh-{image.service}-{image.tag}.cdx.json"
        path.write_text(bill(image))
        print(path)


if __name__ == "__main__":
    main()
