"""`boards add`: packs become board files, and hostile ones clear errors."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests.cli.command import DIGITS, Cli
from tinycc_ml.targets import load_board

PDSC = """<?xml version="1.0" encoding="UTF-8"?>
<package schemaVersion="1.7.7">
  <vendor>Example</vendor><name>Parts_DFP</name><description>d</description><url></url>
  <releases><release version="2.1.0">new</release><release version="1.0.0">old</release></releases>
  <devices>
    <family Dfamily="F7 Series" Dvendor="STMicroelectronics:13">
      <processor Dcore="Cortex-M7" DcoreVersion="r0p1" Dfpu="SP_FPU" Dmpu="MPU"/>
      <subFamily DsubFamily="F746">
        <processor Dclock="216000000"/>
        <memory name="Flash" access="rx" start="0x08000000" size="0x00100000" default="1"/>
        <memory name="Flash_ITCM" access="rx" start="0x00200000" size="0x00100000" alias="Flash"/>
        <memory name="External" access="rwx" start="0x60000000" size="0x1000000"/>
        <device Dname="STM32F746ZG">
          <memory name="DTCM" access="rw" start="0x20000000" size="0x10000" default="1"/>
          <memory name="SRAM 1" access="rwx" start="0x20010000" size="0x3C000" default="1"/>
          <variant Dvariant="STM32F746ZGTx"/>
        </device>
        <device Dname="STM32F746ZE">
          <memory name="Flash" size="0x00080000"/>
          <memory name="SRAM 1" access="rwx" start="0x20010000" size="0x3C000" default="1"/>
        </device>
      </subFamily>
    </family>
    <family Dfamily="Two" Dvendor="Arm:82">
      <processor Pname="Big" Dcore="Cortex-M55" Dfpu="DP_FPU" Dmve="FP_MVE" Dclock="400000000"/>
      <processor Pname="Small" Dcore="Cortex-M0+" Dclock="100000000"/>
      <device Dname="TWO_CORES">
        <memory id="IROM1" start="0x0" size="0x80000" default="1"/>
        <memory id="IRAM1" start="0x20000000" size="0x40000" default="1"/>
        <memory id="IRAM2" Pname="Small" start="0x30000000" size="0x4000" default="1"/>
      </device>
      <device Dname="LINUX"><processor Pname="Big" Dcore="Cortex-A7"/></device>
    </family>
    <family Dfamily="Poor" Dvendor="Arm:82">
      <processor Dcore="Cortex-M4"/>
      <device Dname="NO_CLOCK"/>
      <device Dname="NO_MEMORY"><processor Dclock="1000000"/></device>
    </family>
  </devices>
</package>
"""


@pytest.fixture
def cli(capfd, tmp_path, monkeypatch) -> Cli:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CMSIS_PACK_ROOT", str(tmp_path / "packs"))
    Path("parts.pdsc").write_text(PDSC)
    with zipfile.ZipFile("parts.pack", "w", zipfile.ZIP_DEFLATED) as pack:
        pack.writestr("Example.Parts_DFP.pdsc", PDSC)
        pack.writestr("SVD/deep.pdsc", "no description")
    return Cli(capfd)


@pytest.mark.parametrize("pack", ["parts.pack", "parts.pdsc"])
@pytest.mark.parametrize("device", ["STM32F746ZGTx", "stm32f746zgtx"])
def test_a_device_becomes_a_board(cli, pack, device):
    result = cli("boards", "add", "--device", device, "--pack", pack, "--json")
    assert result.json["file"] == "stm32f746zgtx.toml"
    assert result.json["pack"] == "Example.Parts_DFP 2.1.0"
    board = load_board("stm32f746zgtx.toml")
    assert (board.core, board.fpu, board.clock_hz) == ("cortex-m7", "sp", 216_000_000)
    assert board.vendor == "STMicroelectronics"
    found = [(m.name, m.kind, m.origin, m.size_bytes) for m in board.memories]
    assert found == [
        ("FLASH", "flash", 0x08000000, 0x100000),
        ("DTCM", "dtcm", 0x20000000, 0x10000),
        ("SRAM_1", "ram", 0x20010000, 0x3C000),
    ]
    assert all("Example.Parts_DFP 2.1.0" in source.document for source in board.sources)


def test_the_board_can_be_used(cli):
    assert cli("boards", "add", "--device", "STM32F746ZG", "--pack", "parts.pack").code == 0
    result = cli("gen", DIGITS, "--board", "stm32f746zg.toml", "-o", "out", "--project", "make")
    assert result.code == 0, result.err


def test_a_device_inherits_what_it_does_not_say(cli):
    arguments = ("boards", "add", "--device", "STM32F746ZE", "--pack", "parts.pack", "-o", "e.toml")
    assert cli(*arguments).code == 0
    flash = load_board("./e.toml").memories[0]
    assert (flash.origin, flash.size_bytes) == (0x08000000, 0x80000)


@pytest.mark.parametrize(
    ("name", "core", "fpu", "ram"),
    [("Big", "cortex-m55", "dp", 0x40000), ("Small", "cortex-m0plus", "none", 0x44000)],
)
def test_a_core_of_several(cli, name, core, fpu, ram):
    device = f"TWO_CORES:{name}"
    assert cli("boards", "add", "--device", device, "--pack", "parts.pack").code == 0
    board = load_board(f"two-cores-{name.lower()}.toml")
    assert (board.core, board.fpu, board.ram_bytes) == (core, fpu, ram)


@pytest.mark.parametrize(
    ("device", "message"),
    [
        ("STM32F746XX", "no device STM32F746XX in this pack; it has STM32F746ZG"),
        ("nonsense", "no device nonsense in this pack"),
        ("TWO_CORES", "has several cores; choose one: TWO_CORES:Big, TWO_CORES:Small"),
        ("TWO_CORES:Huge", "choose one: TWO_CORES:Big"),
        ("LINUX:Big", "core 'Cortex-A7' is not known; allowed cortex-m0"),
        ("NO_CLOCK", "tells no clock"),
        ("NO_MEMORY", "memories"),
    ],
)
def test_a_device_that_cannot_be_a_board(cli, device, message):
    assert message in cli("boards", "add", "--device", device, "--pack", "parts.pack").error_line()
    assert not list(Path().glob("*.toml"))


def test_no_file_is_overwritten_without_force(cli):
    Path("x.toml").write_text("mine")
    arguments = ("boards", "add", "--device", "STM32F746ZG", "--pack", "parts.pack", "-o", "x.toml")
    assert "--force" in cli(*arguments).error_line()
    assert Path("x.toml").read_text() == "mine"
    assert cli(*arguments, "--force").code == 0


def test_installed_packs_are_searched(cli):
    assert "no installed CMSIS-Pack" in cli("boards", "add", "--device", "STM32F746ZG").error_line()
    folder = Path("packs/Example/Parts_DFP/2.1.0")
    folder.mkdir(parents=True)
    (folder / "Example.Parts_DFP.pdsc").write_text(PDSC)
    assert cli("boards", "add", "--device", "STM32F746ZG").code == 0
    assert "no installed CMSIS-Pack" in cli("boards", "add", "--device", "STM32X").error_line()


BOMB = '<!DOCTYPE p [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><package>&b;</package>'
EXTERNAL = (
    '<!DOCTYPE p [<!ENTITY a SYSTEM "file:///etc/passwd">]><package><name>&a;</name></package>'
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, "document type declaration"),
        (EXTERNAL, "document type declaration"),
        ("<a>" * 100_000, "nested too deeply"),
        ("<package>" + "<a/>" * 600_000 + "</package>", "too large"),
        ("<package>", "not valid XML"),
        ("", "not valid XML"),
        ("\x00\x01", "not valid XML"),
        ('<?xml version="1.0" encoding="nonsense"?><package/>', "not valid XML"),
        ("<board/>", "not the description of a CMSIS-Pack"),
        ("<package/>", "no device D in this pack"),
        ('<package><devices><device Dname="D"/></devices></package>', "names no core"),
    ],
)
def test_hostile_descriptions(cli, text, message):
    Path("bad.pdsc").write_text(text)
    assert message in cli("boards", "add", "--device", "D", "--pack", "bad.pdsc").error_line()


@pytest.mark.parametrize(
    ("memory", "message"),
    [
        ('name="F" access="rx" start="0x0"', "memory F has no size"),
        ('name="F" access="rx" start="0x0" size="-1"', "size_bytes"),
        (f'name="F" access="rx" start="0x0" size="{"9" * 5000}"', "memory F has no size"),
        ('name="F&quot;&#10;x = 1" access="rwx" start="0x0" size="1"', "none is of kind flash"),
    ],
)
def test_hostile_numbers_and_names(cli, memory, message):
    Path("bad.pdsc").write_text(
        '<package><devices><device Dname="D&quot;&#10;y"><processor Dcore="Cortex-M4" Dclock="1"/>'
        f"<memory {memory}/></device></devices></package>"
    )
    line = cli("boards", "add", "--device", 'D"\ny', "--pack", "bad.pdsc").error_line()
    assert message in line


def test_damaged_packs(cli):
    data = Path("parts.pack").read_bytes()
    for end in (4, len(data) // 2, len(data) - 4):
        Path("bad.pack").write_bytes(data[:end])
        cli("boards", "add", "--device", "D", "--pack", "bad.pack").error_line()
    for at in range(0, len(data), 7):
        Path("bad.pack").write_bytes(data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :])
        result = cli("boards", "add", "--device", "STM32F746ZG", "--pack", "bad.pack", "--force")
        assert result.code in (0, 1), (at, result.err)


def test_a_pack_that_is_not_there(cli):
    assert "cannot be read" in cli("boards", "add", "--device", "D", "--pack", "x").error_line()


def test_a_zip_without_or_with_two_descriptions(cli):
    for names in ((), ("a.pdsc", "b.pdsc")):
        with zipfile.ZipFile("bad.pack", "w") as pack:
            for name in names:
                pack.writestr(name, PDSC)
        line = cli("boards", "add", "--device", "D", "--pack", "bad.pack").error_line()
        assert f"holds {len(names)} .pdsc files" in line
